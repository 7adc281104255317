/** The kernels of a training in this thread: where they are a GPU's that fails, the work is done again, at last on the CPU. */
import { PffError } from '../errors.js';
import type { KernelsChoice } from '../kernels/choices.js';
import type { Kernels } from '../kernels/kernels.js';
import type { OpenedKernels } from '../kernels/open-portable.js';
import { GpuFailures } from './gpu-failures.js';

/** Opens the kernels of a choice. */
export type KernelsOpener<K extends KernelsChoice> = (choice: K | 'auto') => Promise<OpenedKernels>;

export class RunKernels<K extends KernelsChoice = KernelsChoice> {
  readonly #open: KernelsOpener<K>;
  readonly #failures = new GpuFailures();
  #choice: K | 'auto';
  #reason: string | undefined;
  /** Others may still look on with kernels that were replaced. */
  readonly #opened: Kernels[] = [];

  private constructor(choice: K, open: KernelsOpener<K>) {
    this.#choice = choice;
    this.#open = open;
  }

  /** @throws what `open` throws, but for failures of a GPU: then it is opened again, and at last the CPU takes its place */
  static async open<K extends KernelsChoice>(choice: K, open: KernelsOpener<K>): Promise<RunKernels<K>> {
    const kernels = new RunKernels(choice, open);
    for (;;) {
      try {
        await kernels.#openNow();
        return kernels;
      } catch (error) {
        kernels.#reason = kernels.#after(error);
      }
    }
  }

  /** As they were opened, or those that took their place. */
  get current(): Kernels {
    return this.#opened.at(-1) as Kernels;
  }

  /** Set where these are not the best that there could be: why. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /**
   * Does `work`, which must be repeatable, and again after a failure of the GPU. Work may use the kernels inside of other work.
   * @param failed told each time, with why and how often it was; not where other work was told that the CPU takes its place
   */
  async use<T>(work: (kernels: Kernels) => Promise<T>, failed: (reason: string, times: number) => void): Promise<T> {
    for (;;) {
      const used = this.current;
      try {
        return await work(used);
      } catch (error) {
        // Work inside this one has given the GPU up, while this one still held it.
        if (this.current !== used && error instanceof PffError && error.code === 'kernels') continue;
        const before = this.#choice;
        const reason = this.#after(error);
        failed(reason, this.#failures.count);
        if (this.#choice !== before) await this.#openNow();
      }
    }
  }

  close(): void {
    for (const kernels of this.#opened) kernels.close();
  }

  /** Why to go on, with the choice that is next. @throws the error, where no GPU is to blame */
  #after(error: unknown): string {
    const next = this.#failures.after(error, this.#choice);
    if (next === undefined) throw error;
    if (next.kernels !== this.#choice) this.#choice = 'auto';
    return next.reason;
  }

  async #openNow(): Promise<void> {
    const { kernels, reason } = await this.#open(this.#choice);
    this.#opened.push(kernels);
    this.#reason = this.#choice === 'auto' ? (reason ?? this.#reason) : reason;
  }
}
