/** The kernels of a run's own thread: where they are a GPU's that fails, the work is done again, at last on the CPU. */
import type { Kernels } from '../kernels/kernels.js';
import { openKernels, type OpenKernelsOptions } from '../kernels/open.js';
import { GpuFailures } from '../node/gpu-failures.js';

export class RunKernels {
  /** As they were opened, or those that took their place. */
  current: Kernels;
  /** Set where these are not the best that there could be: why. */
  readonly reason: string | undefined;
  readonly #options: OpenKernelsOptions;
  readonly #failures = new GpuFailures();
  #choice: OpenKernelsOptions['kernels'];
  /** Others may still look on with kernels that were replaced. */
  readonly #opened: Kernels[];

  private constructor(options: OpenKernelsOptions, kernels: Kernels, reason: string | undefined) {
    this.#options = options;
    this.#choice = options.kernels;
    this.#opened = [kernels];
    this.current = kernels;
    this.reason = reason;
  }

  /** @throws PffError as `openKernels` */
  static async open(options: OpenKernelsOptions): Promise<RunKernels> {
    const { kernels, reason } = await openKernels(options);
    return new RunKernels(options, kernels, reason);
  }

  /**
   * Does `work`, which must be repeatable, and again after a failure of the GPU.
   * @param failed told each time, with why and how often it was
   */
  async use<T>(work: (kernels: Kernels) => Promise<T>, failed: (reason: string, times: number) => void): Promise<T> {
    for (;;) {
      try {
        return await work(this.current);
      } catch (error) {
        const next = this.#failures.after(error, this.#choice);
        if (next === undefined) throw error;
        failed(next.reason, this.#failures.count);
        if (next.kernels === this.#choice) continue;
        this.current = (await openKernels({ ...this.#options, kernels: next.kernels })).kernels;
        this.#opened.push(this.current);
        this.#choice = next.kernels;
      }
    }
  }

  close(): void {
    for (const kernels of this.#opened) kernels.close();
  }
}
