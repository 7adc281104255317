/**
 * How often the results of a key are checked, and whether this one is. The rate falls with every check that agreed, down to
 * the run's own (as in BOINC's adaptive replication, which begins to trust after ten; runs here have fewer tasks).
 */
import { drawnFrom } from './drawn-from.js';
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
  return drawnFrom(`pff draw\n${sig}`);
}

const drawn = new WeakMap<Draw, number>();

/** Whether the draw says that the result is to be checked. */
export function isDrawn(base: number, draw: Draw): boolean {
  let number = drawn.get(draw);
  if (number === undefined) drawn.set(draw, (number = drawnNumber(draw)));
  return number < rateOf(base, draw.agreed);
}
