/** The bench's medians, quartiles and paired ratios. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pairedRatio, summarise } from '../../bench/statistics.js';

const times = fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 });

describe('summarise', () => {
  test('takes values that were measured', () => {
    expect(summarise([5, 1, 4, 2, 3])).toEqual({ median: 3, low: 2, high: 4 });
    expect(summarise([7])).toEqual({ median: 7, low: 7, high: 7 });
  });

  test('of nothing is NaN', () => {
    expect(summarise([]).median).toBeNaN();
  });

  test('is in order, within the values, and does not depend on theirs', () => {
    fc.assert(
      fc.property(times, (values) => {
        const { low, median, high } = summarise(values);
        expect(low).toBeLessThanOrEqual(median);
        expect(median).toBeLessThanOrEqual(high);
        expect(values).toContain(median);
        expect(summarise(values.toReversed())).toEqual({ low, median, high });
      }),
    );
  });
});

describe('pairedRatio', () => {
  test('compares repetition by repetition: noise that hits both at once does not show', () => {
    fc.assert(
      fc.property(times, (ours) => {
        const { low, high } = pairedRatio(
          ours.map((one) => 2 * one),
          ours,
        );
        expect(low).toBe(2);
        expect(high).toBe(2);
      }),
    );
  });

  test('refuses repetitions that have no partner', () => {
    expect(() => pairedRatio([1, 2], [1])).toThrow(/2 repetitions cannot be paired with 1/);
  });
});
