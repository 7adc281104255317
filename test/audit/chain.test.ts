/** Chains of digests, where two of them part, and what the difference of two results tells. */
import { describe, expect, it } from 'vitest';
import { cutsOf, partingOf, type Chain } from '../../src/audit/chain.js';
import { isDifference, makeDifference, meaningOf, measureDifference } from '../../src/audit/difference.js';
import { cheapSigner, cheapVerify } from '../faults/liars.js';

/** Digests that are wrong from batch `wrongFrom` on. */
function chain(batches: number, cuts: number, wrongFrom = Infinity): Chain {
  const digests = cutsOf(batches, cuts).map((batch) => `${batch < wrongFrom ? 'a' : 'b'}${batch}`);
  return { batches, digests };
}

describe('where chains part', () => {
  it('is known to the batch where both have a digest for each, to a segment else', () => {
    expect(cutsOf(10, 4)).toEqual([2, 5, 7, 10]);
    expect(cutsOf(3, 16)).toEqual([1, 2, 3]);
    for (let k = 1; k <= 23; k++) {
      expect(partingOf(chain(23, 23), chain(23, 23, k))).toEqual({ first: k, last: k });
      const { first, last } = partingOf(chain(23, 23), chain(23, 4, k)) ?? { first: 0, last: 0 };
      expect([first <= k, k <= last, last - first < 6]).toEqual([true, true, true]);
    }
  });

  it('is nowhere for equal chains, for chains without a batch in common, and for tasks of other lengths', () => {
    expect(partingOf(chain(10, 4), chain(10, 10))).toBeUndefined();
    expect(partingOf(chain(10, 4, 1), chain(11, 4))).toBeUndefined();
  });
});

describe('the difference of two results', () => {
  const floats = (...values: number[]): ArrayBuffer => new Float32Array(values).buffer;
  const many = (change: (value: number, i: number) => number): ArrayBuffer =>
    Float32Array.from({ length: 1000 }, (_, i) => change(Math.sin(i), i)).buffer;
  const same = many((value) => value);

  it('is counted by values and bits', () => {
    const measured = measureDifference(floats(1, -4, 0.5, 0), floats(1, -4, 0.125, 3));
    expect(measured).toEqual({ values: 4, differing: 2, flipped: 1, largest: 3, scale: 4 });
    expect(measureDifference(floats(Number.NaN, 1), floats(Number.NaN, 1)).differing).toBe(0);
  });

  it.each([
    ['one bit', many((value, i) => (i === 500 ? -value : value))],
    ['few values', many((value, i) => (i === 500 ? value + 0.001 : value))],
    ['many values by little', many((value) => value * (1 + 1e-6))],
    ['many values by much', many((value, i) => value + Math.cos(7 * i))],
  ])('hints at what made it: %s', (hint, other) => {
    expect(meaningOf(measureDifference(same, other))).toMatch(new RegExp(`^${hint}`));
  });

  it('is signed by who measured it', () => {
    const own = 'a'.repeat(64);
    const made = makeDifference(cheapSigner(1, 1), 'run', 'c0.l0', {
      own,
      other: 'b'.repeat(64),
      ...measureDifference(same, same),
    });
    expect(isDifference(cheapVerify, 'run', 'c0.l0', made)).toBe(true);
    expect(isDifference(cheapVerify, 'run', 'c0.l1', made)).toBe(false);
    expect(isDifference(cheapVerify, 'run', 'c0.l0', { ...made, differing: 1 })).toBe(false);
  });
});
