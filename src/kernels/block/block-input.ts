/** Rows that enter a block, gathered with their channels last, and label values beside them. */
import type { LayerInput } from '../operands.js';
import { planeValues, type BlockOptions, type Stage } from './contract.js';
import type { PlaneOperations } from './operations.js';
import type { Taken } from './stage-kernel.js';

/** Image values of a row that enters. */
export function inputValues(first: Stage): number {
  return planeValues(first.from);
}

type Operations = Pick<PlaneOperations, 'allocate' | 'turn'>;

export class BlockInput {
  readonly #first: Stage;
  readonly #options: BlockOptions;
  readonly #operations: Operations;
  #memory: Float32Array = new Float32Array(0);

  constructor(first: Stage, options: BlockOptions, operations: Operations) {
    this.#first = first;
    this.#options = options;
    this.#operations = operations;
  }

  /** Samples `first` … `first + count - 1` of `input`, with all their variants, in memory that the next call uses again. */
  take(input: LayerInput, first: number, count: number): Taken {
    const width = inputValues(this.#first);
    const { channels } = this.#first.from;
    const { labels, channelsFirst } = this.#options;
    const { variants, batch } = input;
    if (this.#memory.length < count * width) this.#memory = this.#operations.allocate(count * width);
    const rows = this.#memory;
    const chosen = input.rows?.subarray(first, first + count);
    if (channelsFirst) {
      const from = chosen ? input.prefix : input.prefix.subarray(first * width);
      this.#operations.turn(from, chosen, count, channels, width / channels, rows);
    } else if (chosen) {
      chosen.forEach((row, b) => rows.set(input.prefix.subarray(row * width, (row + 1) * width), b * width));
    } else {
      rows.set(input.prefix.subarray(first * width, (first + count) * width));
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
    const { channels } = this.#first.from;
    for (let r = 0; r < rows; r++) {
      const row = values.subarray(r * width, (r + 1) * width);
      if (this.#options.channelsFirst)
        transpose(row, out.subarray(r * width, (r + 1) * width), width / channels, channels);
      else out.set(row, r * width);
    }
  }
}

/** A matrix [rows, columns] as [columns, rows]. */
function transpose(from: Float32Array, to: Float32Array, rows: number, columns: number): void {
  for (let row = 0, i = 0; row < rows; row++)
    for (let column = 0, j = row; column < columns; column++, i++, j += rows) to[j] = from[i] as number;
}

/** `turn` for backends without their own. */
export const turnInJavaScript: PlaneOperations['turn'] = (values, rows, count, channels, positions, out) => {
  const size = channels * positions;
  for (let r = 0; r < count; r++)
    for (let c = 0; c < channels; c++)
      for (let at = 0; at < positions; at++)
        out[r * size + at * channels + c] = values[(rows?.[r] ?? r) * size + c * positions + at] ?? 0;
};
