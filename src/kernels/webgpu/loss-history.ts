/** What the rows of past steps left on a device, until statistics are asked for or there is no room for more. */
import type { LossDescription, StepStats } from '../trainer.js';
import type { GpuDevice } from './device.js';
import { historyWords, statisticsOf, type PastStep } from './loss-statistics.js';

/** Words; what steps leave is read at the latest when it is full. */
const WORDS = 2 ** 18;

export class LossHistory {
  readonly buffer: GPUBuffer;
  readonly #device: GpuDevice;
  readonly #loss: LossDescription;
  /** Of the layer. */
  readonly #outputs: number;
  readonly #size: number;
  #past: PastStep[] = [];
  #used = 0;
  #told: StepStats[] = [];

  private constructor(device: GpuDevice, loss: LossDescription, outputs: number, size: number, buffer: GPUBuffer) {
    this.#device = device;
    this.#loss = loss;
    this.#outputs = outputs;
    this.#size = size;
    this.buffer = buffer;
  }

  static async open(
    device: GpuDevice,
    loss: LossDescription,
    { outputs, maxRows }: { readonly outputs: number; readonly maxRows: number },
  ): Promise<LossHistory> {
    const size = Math.max(WORDS, historyWords(loss) * maxRows);
    return new LossHistory(device, loss, outputs, size, await device.buffer('what steps leave', size));
  }

  /**
   * Where the words of the next step's rows begin; reads those before where there is no room for them.
   * @param flush puts all steps that were begun into the queue
   */
  async place(rows: number, samples: number, flush?: () => void): Promise<number> {
    if (this.#used + this.#words(rows, samples) > this.#size) {
      flush?.();
      await this.#drain();
    }
    return this.#used;
  }

  /** The step was taken. */
  took(rows: number, samples: number): void {
    this.#past.push({ samples, at: this.#used });
    this.#used += this.#words(rows, samples);
  }

  /** Of all steps since the last call, which are in the queue. */
  async statistics(): Promise<readonly StepStats[]> {
    await this.#drain();
    const told = this.#told;
    this.#told = [];
    return told;
  }

  close(): void {
    this.buffer.destroy();
  }

  #words(rows: number, samples: number): number {
    return historyWords(this.#loss) * ('steepness' in this.#loss ? rows : samples);
  }

  async #drain(): Promise<void> {
    const past = this.#past;
    if (past.length === 0) return;
    const words = new Float32Array(this.#used);
    this.#past = [];
    this.#used = 0;
    await this.#device.read([{ from: this.buffer, into: words }]);
    for (const step of past) this.#told.push(statisticsOf(this.#loss, this.#outputs, step, words));
  }
}
