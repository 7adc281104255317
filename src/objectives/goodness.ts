/**
 * Goodness of a layer's rows: the mean or the sum of their squared activations, or a function of a user's own. What layers
 * learn by it is in hinton.ts and symba.ts.
 */
import { NamedParts } from '../named-parts.js';

/** A goodness of one's own: a number for each row of a layer's activations, and its gradient. */
export interface OwnGoodness {
  /** Goodness of one row of activations [O]: 0 or above but where a block has `leaky` or `linear`. */
  of(row: Float32Array): number;
  /** Writes its gradient by each activation to `out` [O]. */
  gradient(row: Float32Array, out: Float32Array): void;
}

/** Ours follow from a row's sum of squares, which kernels give; own ones read the row itself. */
export const goodnesses = new NamedParts<'mean' | 'sum' | OwnGoodness>('goodness', { mean: 'mean', sum: 'sum' });

/** Undefined for the names of pff itself. */
export function ownGoodness(name: string): OwnGoodness | undefined {
  const found = goodnesses.get(name);
  return typeof found === 'string' ? undefined : found;
}

/** Goodness of a row of O activations from their sum of squares: their mean, or the sum itself. */
export function goodnessOf(name: string, sumSquares: number, outputs: number): number {
  return name === 'sum' ? sumSquares : sumSquares / outputs;
}

/** Goodness of rows of activations [R, O] by a function of one's own, to `out` [R]. */
export function ownGoodnessOf(own: OwnGoodness, activations: Float32Array, outputs: number, out: Float32Array): void {
  for (let r = 0; r < out.length; r++) out[r] = own.of(activations.subarray(r * outputs, (r + 1) * outputs));
}
