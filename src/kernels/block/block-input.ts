/** Rows that enter a block, gathered with their channels last, and label values beside them. */
import type { LayerInput } from '../operands.js';
import { planeValues, type BlockOptions, type Stage } from './contract.js';
import type { PlaneOperations } from './operations.js';
import type { Taken } from './stage-kernel.js';

/** Image values of a row that enters. */
export function inputValues(first: Stage): number {
  return planeValues(first.from);
}

type Memory = Pick<PlaneOperations, 'allocate'>;

export class BlockInput {
  readonly #first: Stage;
  readonly #options: BlockOptions;
  readonly #operations: Memory;
  #memory: Float32Array = new Float32Array(0);

  constructor(first: Stage, options: BlockOptions, operations: Memory) {
    this.#first = first;
    this.#options = options;
    this.#operations = operations;
  }

  /** Samples `first` … `first + count - 1` of `input`, with all their variants, in memory that the next call uses again. */
  take(input: LayerInput, first: number, count: number): Taken {
    const width = inputValues(this.#first);
    const { labels, channelsFirst } = this.#options;
    const { variants, batch } = input;
    if (this.#memory.length < count * width) this.#memory = this.#operations.allocate(count * width);
    const rows = this.#memory;
    for (let b = 0; b < count; b++) {
      const from = (input.rows?.[first + b] ?? first + b) * width;
      const row = input.prefix.subarray(from, from + width);
      const to = rows.subarray(b * width, (b + 1) * width);
      if (channelsFirst) this.#turned(row, to, true);
      else to.set(row);
    }
    const values = new Float32Array(variants * count * labels);
    if (labels > 0 && input.suffix !== undefined)
      for (let v = 0; v < variants; v++) {
        const at = (v * batch + first) * labels;
        values.set(input.suffix.subarray(at, at + count * labels), v * count * labels);
      }
    return { rows, batch: count, variants, labels: values };
  }

  /** The same for as long as `input` stays as it is: without a copy where its rows already lie so. */
  look(input: LayerInput, first: number, count: number): Taken {
    const { labels, channelsFirst } = this.#options;
    if (input.rows !== undefined || channelsFirst || labels > 0) return this.take(input, first, count);
    const width = inputValues(this.#first);
    const rows = input.prefix.subarray(first * width, (first + count) * width);
    return { rows, batch: count, variants: 1, labels: new Float32Array(0) };
  }

  /** Gradients by rows with their channels last, in the order in which rows enter. */
  give(values: Float32Array, rows: number, out: Float32Array): void {
    const width = inputValues(this.#first);
    for (let r = 0; r < rows; r++) {
      const row = values.subarray(r * width, (r + 1) * width);
      if (this.#options.channelsFirst) this.#turned(row, out.subarray(r * width, (r + 1) * width), false);
      else out.set(row, r * width);
    }
  }

  /** From channels first to last, or back. */
  #turned(from: Float32Array, to: Float32Array, last: boolean): void {
    const { channels, height, width } = this.#first.from;
    const size = height * width;
    for (let c = 0; c < channels; c++)
      for (let at = 0; at < size; at++) {
        const planar = c * size + at;
        const mixed = at * channels + c;
        if (last) to[mixed] = from[planar] as number;
        else to[planar] = from[mixed] as number;
      }
  }
}
