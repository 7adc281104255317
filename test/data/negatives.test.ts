/** Negative labels: never the true one, keyed, and distributed as they should be. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { drawWrongLabels, sampleWrong, strongestWrong } from '../../src/data/negatives.js';
import { RandomStream } from '../../src/random.js';
import { describeError } from './helpers.js';

/** Labels below a number of classes, with scores (any float, also infinite or not a number). */
const cases = fc.integer({ min: 2, max: 12 }).chain((classes) =>
  fc.uint8Array({ min: 0, max: classes - 1, minLength: 1, maxLength: 30 }).chain((labels) => {
    const length = labels.length * classes;
    const anyScores = fc.float32Array({ minLength: length, maxLength: length });
    const tiedScores = fc.array(fc.constantFrom(0, 1, -1, Infinity, -Infinity, Number.NaN), {
      minLength: length,
      maxLength: length,
    });
    return fc.record({
      classes: fc.constant(classes),
      labels: fc.constant(labels),
      scores: fc.oneof(
        anyScores,
        tiedScores.map((values) => Float32Array.from(values)),
      ),
      seed: fc.nat(),
      chapter: fc.nat(),
      temperature: fc.constantFrom(1e-30, 0.05, 1, 1e30),
    });
  }),
);

/** Each label of `out` is one of the classes, and wrong. */
function expectWrong(out: Uint8Array, labels: Uint8Array, classes: number): void {
  out.forEach((negative, i) => {
    expect(negative).not.toBe(labels[i]);
    expect(negative).toBeLessThan(classes);
  });
}

test('drawn labels are never true', () => {
  fc.assert(
    fc.property(cases, ({ labels, classes, seed, chapter }) => {
      const out = labels.slice();
      drawWrongLabels(labels, classes, { seed, chapter }, out);
      expectWrong(out, labels, classes);
    }),
  );
});

test('strongest labels are never true', () => {
  fc.assert(
    fc.property(cases, ({ labels, classes, scores }) => {
      const out = labels.slice();
      strongestWrong(scores, labels, out);
      expectWrong(out, labels, classes);
    }),
  );
});

test('sampled labels are never true', () => {
  fc.assert(
    fc.property(cases, ({ labels, classes, scores, seed, temperature }) => {
      const out = labels.slice();
      sampleWrong(scores, labels, temperature, new RandomStream(seed, 'negatives', 1), out);
      expectWrong(out, labels, classes);
    }),
  );
});

test('drawn labels: fixed by seed and chapter, uniform over the wrong ones', () => {
  const labels = Uint8Array.from({ length: 30_000 }, (_, i) => i % 3);
  const draw = (seed: number, chapter: number): Uint8Array => {
    const out = new Uint8Array(labels.length);
    drawWrongLabels(labels, 4, { seed, chapter }, out);
    return out;
  };
  expect(draw(1, 0)).toEqual(draw(1, 0));
  expect(draw(1, 0)).not.toEqual(draw(1, 1));
  expect(draw(1, 0)).not.toEqual(draw(2, 0));
  const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
  draw(1, 0).forEach((negative, i) => {
    const row = counts[i % 3] ?? [];
    row[negative] = (row[negative] ?? 0) + 1;
  });
  // 10,000 draws with p = 1/3: standard deviation 47.
  for (const [truth, row] of counts.slice(0, 3).entries())
    row.forEach((count, label) => {
      if (label !== truth) expect(Math.abs(count - 10_000 / 3)).toBeLessThan(235);
    });
});

test('the strongest wrong label wins; of equal ones the lowest', () => {
  const out = new Uint8Array(5);
  const scores = Float32Array.of(
    5,
    1,
    2,
    /**/ 0,
    9,
    0,
    /**/ 3,
    3,
    3,
    /**/ Number.NaN,
    0,
    -1,
    /**/ -Infinity,
    1,
    Number.NaN,
  );
  strongestWrong(scores, Uint8Array.of(0, 1, 0, 1, 1), out);
  expect([...out]).toEqual([2, 0, 1, 2, 0]);
});

test('sampled labels follow the softmax of the wrong scores', () => {
  const n = 30_000;
  const labels = new Uint8Array(n).fill(1);
  const row = [0.1, 5, 0.2, 0.05];
  const scores = Float32Array.from({ length: 4 * n }, (_, i) => row[i % 4] ?? 0);
  const out = new Uint8Array(n);
  sampleWrong(scores, labels, 0.1, new RandomStream(3, 'test'), out);
  const weights = row.map((score, label) => (label === 1 ? 0 : Math.exp(score / 0.1)));
  const total = weights.reduce((a, b) => a + b);
  weights.forEach((weight, label) => {
    const expected = (n * weight) / total;
    const found = out.reduce((count, each) => count + (each === label ? 1 : 0), 0);
    expect(Math.abs(found - expected)).toBeLessThanOrEqual(5 * Math.sqrt(expected));
  });
});

test('sampling takes one number per sample, and a low temperature is the strongest wrong label', () => {
  const scores = Float32Array.from({ length: 400 }, (_, i) => ((i * 37) % 101) / 101);
  const labels = Uint8Array.from({ length: 40 }, (_, i) => i % 10);
  const stream = new RandomStream(5, 'test');
  const sampled = new Uint8Array(40);
  sampleWrong(scores, labels, 1e-6, stream, sampled);
  const strongest = new Uint8Array(40);
  strongestWrong(scores, labels, strongest);
  expect(sampled).toEqual(strongest);
  const other = new RandomStream(5, 'test');
  for (let i = 0; i < 40; i++) other.uint32();
  expect(stream.uint32()).toBe(other.uint32());
});

test('what does not fit is an error', async () => {
  const labels = Uint8Array.of(0, 1);
  const out = new Uint8Array(2);
  const key = { seed: 1, chapter: 0 };
  expect(await describeError(() => drawWrongLabels(labels, 2, key, new Uint8Array(1)))).toBe(
    'data: 2 labels need as many negative labels, but there is room for 1 | Give an array of the same length.',
  );
  expect(await describeError(() => drawWrongLabels(Uint8Array.of(0), 1, key, new Uint8Array(1)))).toBe(
    'data: a wrong label needs at least two classes, but there is 1 | Use a dataset with two classes or more, or an objective without negatives.',
  );
  expect(await describeError(() => drawWrongLabels(Uint8Array.of(0, 7), 5, key, out))).toBe(
    'data: label 7 of sample 1 is out of range: there are 5 classes | Labels count from 0.',
  );
  expect(await describeError(() => strongestWrong(new Float32Array(5), labels, out))).toBe(
    'data: 5 scores do not divide into 2 rows | Scores have one row per sample, one column per class.',
  );
  const stream = new RandomStream(1, 'test');
  expect(await describeError(() => sampleWrong(new Float32Array(4), labels, 0, stream, out))).toBe(
    'usage: the temperature of sampled negatives must be above 0, but is 0 | Give --negative-temperature, such as 0.05; or take --negatives adaptive for the strongest wrong label.',
  );
});
