import { rateOf } from '../../src/audit/rate.js';

/**
 * The probability that none of a key's wrong results is checked.
 * @param wrong for each wrong result, how many checks of the key had agreed by then
 */
export function missProbability(base: number, wrong: readonly number[]): number {
  return wrong.reduce((all, agreed) => all * (1 - rateOf(base, agreed)), 1);
}
