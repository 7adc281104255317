/**
 * A head without parameters: the channels (or units) of a layer are cut into one group a class, and a class's score is the mean of its
 * group, of values or of squares.
 *
 * 14. groups     Score of class k = ((0 + t0) + t1) + … over the positions and, within each, the channels of group k, times (1 / n), the
 *                quotient rounded to f32; t is v, or v · v. Backwards v gets delta · (1 / n), or (delta · (1 / n)) · (2 · v).
 */
import type { Planes } from './block/contract.js';
import type { Delta, LayerInput, LayerKernel, LayerOutput } from './kernels.js';
import { normaliseRow, sumOfSquares } from './reference/operations.js';

const { fround } = Math;

export interface GroupShape {
  /** Of the layer; units are channels of 1 x 1. */
  readonly planes: Planes;
  /** They divide the channels. */
  readonly classes: number;
  readonly of: 'values' | 'squares';
}

export class GroupGoodness implements LayerKernel {
  readonly inputs: number;
  readonly outputs: number;
  readonly #shape: GroupShape;
  #rows = new Float32Array(0);
  #scores = new Float32Array(0);

  constructor(shape: GroupShape) {
    const { channels, height, width } = shape.planes;
    this.#shape = shape;
    this.inputs = channels * height * width;
    this.outputs = shape.classes;
  }

  infer(input: LayerInput, { activations, normalise = false, sumSquares }: LayerOutput): void {
    const scores = this.#scoresOf(this.#taken(input), input.batch);
    for (let r = 0; r < input.batch; r++) {
      const row = scores.subarray(r * this.outputs, (r + 1) * this.outputs);
      const squares = sumOfSquares(row);
      if (sumSquares) sumSquares[r] = squares;
      if (normalise) normaliseRow(row, squares);
    }
    activations?.set(scores);
  }

  /** There are no sums of squares: what goes on is the planes', not the scores. @throws RangeError if they are asked for */
  forward(input: LayerInput, sumSquares?: Float32Array): void {
    if (sumSquares) throw new RangeError('scores of groups have no sums of squares');
    this.#rows = this.#taken(input);
    this.#scores = this.#scoresOf(this.#rows, input.batch);
  }

  activations(): Float32Array {
    return this.#scores;
  }

  inputGradient(delta: Delta, out: Float32Array): void {
    const { planes, classes, of } = this.#shape;
    const each = planes.channels / classes;
    const share = this.#share();
    if (!('values' in delta)) throw new RangeError('scores of groups take their gradient as values');
    const { values } = delta;
    for (let i = 0; i < this.#rows.length; i++) {
      const k = Math.floor((i % planes.channels) / each);
      const d = fround((values[Math.floor(i / this.inputs) * classes + k] as number) * share);
      out[i] = of === 'values' ? d : d * fround(2 * (this.#rows[i] as number));
    }
  }

  /** There is nothing to train. */
  update(): void {}

  close(): void {}

  #share(): number {
    return fround(this.outputs / this.inputs);
  }

  #taken({ prefix, rows, batch }: LayerInput): Float32Array<ArrayBuffer> {
    const taken = new Float32Array(batch * this.inputs);
    for (let b = 0; b < batch; b++) {
      const from = (rows?.[b] ?? b) * this.inputs;
      taken.set(prefix.subarray(from, from + this.inputs), b * this.inputs);
    }
    return taken;
  }

  #scoresOf(rows: Float32Array, batch: number): Float32Array<ArrayBuffer> {
    const { planes, classes, of } = this.#shape;
    const each = planes.channels / classes;
    const scores = new Float32Array(batch * classes);
    for (let i = 0; i < batch * this.inputs; i++) {
      const at = Math.floor(i / this.inputs) * classes + Math.floor((i % planes.channels) / each);
      const v = rows[i] as number;
      scores[at] = (scores[at] as number) + (of === 'values' ? v : fround(v * v));
    }
    return scores.map((sum) => sum * this.#share());
  }
}
