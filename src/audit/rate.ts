/**
 * How often the results of a key are checked, and whether this one is. The rate falls with every check that agreed, down to
 * the run's own (as in BOINC's adaptive replication, which begins to trust after ten; runs here have fewer tasks).
 */
import { sha256 } from '#platform/hash';
import type { Draw } from './statement.js';

/**
 * The probability with which a result of a key is checked.
 * @param base the run's rate, 0 to 1
 * @param agreed checks of this key's results that agreed
 */
export function rateOf(base: number, agreed: number): number {
  return Math.max(base, 1 / (1 + agreed));
}

/** A number in [0, 1) that nobody knows before the signature is made, and that everybody can compute from it. */
export function drawnNumber({ sig }: Pick<Draw, 'sig'>): number {
  const bytes = sha256().update(`pff draw\n${sig}`).bytes();
  // 48 bits are enough, and exact.
  return bytes.subarray(0, 6).reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 48;
}

const drawn = new WeakMap<Draw, number>();

/** Whether the draw says that the result is to be checked. */
export function isDrawn(base: number, draw: Draw): boolean {
  let number = drawn.get(draw);
  if (number === undefined) drawn.set(draw, (number = drawnNumber(draw)));
  return number < rateOf(base, draw.agreed);
}

/**
 * The probability that none of a key's wrong results is checked.
 * @param wrong for each wrong result, how many checks of the key had agreed by then
 */
export function missProbability(base: number, wrong: readonly number[]): number {
  return wrong.reduce((all, agreed) => all * (1 - rateOf(base, agreed)), 1);
}
