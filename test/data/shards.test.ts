/** Shards: always a partition into non-empty parts, fixed by the seed; equal, or skewed as a Dirichlet distribution says. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { shardSamples } from '../../src/data/shards.js';
import { describeError } from './helpers.js';

const TEN = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) % 10);

test('a partition of all samples into non-empty shards, each ascending', () => {
  const cases = fc.uint8Array({ min: 0, max: 4, minLength: 1, maxLength: 60 }).chain((labels) =>
    fc.record({
      labels: fc.constant(labels),
      shards: fc.integer({ min: 1, max: labels.length }),
      skew: fc.constantFrom(0, 5e-324, 1e-300, 0.01, 0.5, 1, 100, 1e12),
      seed: fc.nat(),
    }),
  );
  fc.assert(
    fc.property(cases, ({ labels, shards, skew, seed }) => {
      const parts = shardSamples(labels, 5, shards, skew, seed);
      expect(parts.length).toBe(shards);
      for (const part of parts) {
        expect(part.length).toBeGreaterThan(0);
        expect([...part]).toEqual([...part].sort((a, b) => a - b));
      }
      const all = parts.flatMap((part) => [...part]).sort((a, b) => a - b);
      expect(all).toEqual(Array.from(labels.keys()));
      if (skew === 0) {
        const sizes = parts.map((part) => part.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test('the seed fixes the shards; one shard is everything in order', () => {
  for (const skew of [0, 0.5]) {
    expect(shardSamples(TEN, 10, 4, skew, 1)).toEqual(shardSamples(TEN, 10, 4, skew, 1));
    expect(shardSamples(TEN, 10, 4, skew, 1)).not.toEqual(shardSamples(TEN, 10, 4, skew, 2));
    expect(shardSamples(TEN, 10, 1, skew, 1)).toEqual([Uint32Array.from(TEN.keys())]);
  }
  // A golden value: the same wherever and whenever it is computed.
  const sizes = shardSamples(TEN, 10, 4, 0.5, 1).map((part) => part.length);
  expect(sizes).toEqual([2323, 640, 492, 1545]);
});

test('the variance of a class over the shards is that of the Dirichlet distribution', () => {
  // A share has mean 1/k and variance (1/k)(1 - 1/k) / (k·a + 1) for concentration a and k shards.
  const shards = 4;
  for (const skew of [0.1, 1, 10]) {
    const shares: number[] = [];
    for (let seed = 0; seed < 40; seed++) {
      for (const part of shardSamples(TEN, 10, shards, skew, seed)) {
        const counts = Array.from({ length: 10 }, () => 0);
        for (const sample of part) {
          const label = TEN[sample] ?? 0;
          counts[label] = (counts[label] ?? 0) + 1;
        }
        shares.push(...counts.map((count) => count / 500));
      }
    }
    const mean = shares.reduce((a, b) => a + b) / shares.length;
    const variance = shares.reduce((sum, share) => sum + (share - 0.25) ** 2, 0) / shares.length;
    expect(mean).toBeCloseTo(0.25, 6);
    const expected = (0.25 * 0.75) / (shards * skew + 1);
    expect(variance / expected).toBeGreaterThan(0.85);
    expect(variance / expected).toBeLessThan(1.15);
  }
});

test('what cannot be done is an error', async () => {
  const labels = Uint8Array.of(0, 1);
  const tooMany = 'Give at least one shard, and no more shards than samples.';
  expect(await describeError(() => shardSamples(labels, 2, 3, 0, 1))).toBe(
    `usage: 2 samples cannot be split into 3 shards | ${tooMany}`,
  );
  expect(await describeError(() => shardSamples(labels, 2, 0, 0, 1))).toBe(
    `usage: 2 samples cannot be split into 0 shards | ${tooMany}`,
  );
  expect(await describeError(() => shardSamples(labels, 2, 1, -1, 1))).toBe(
    'usage: the label skew of shards is -1, but must be 0 or more | Give 0 for equal shards, or a concentration such as 0.5.',
  );
  expect(await describeError(() => shardSamples(Uint8Array.of(3), 2, 1, 1, 1))).toBe(
    'data: label 3 of sample 0 is out of range: there are 2 classes | Labels count from 0.',
  );
});
