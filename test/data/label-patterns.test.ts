/** Labels as patterns over an image: what is drawn, and rows that carry them. */
import { expect, it } from 'vitest';
import { labelPatterns } from '../../src/data/label-patterns.js';
import { labelLayout, labelNorms } from '../../src/data/labels.js';
import { patternedRows } from '../../src/model/label-rows.js';

const shape = { width: 5, height: 4, channels: 2 };
const classes = 3;
const { each, neutral, norm2 } = labelPatterns(shape, classes);
const patternOf = (label: number): number[] => Array.from(each.subarray(label * 40, (label + 1) * 40));

it('is the same for each channel, in squares of two pixels, and another for each label', () => {
  for (let label = 0; label < classes; label++) {
    const pattern = patternOf(label);
    expect(pattern.slice(20)).toEqual(pattern.slice(0, 20));
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 5; x++) {
        expect(Math.abs(pattern[y * 5 + x]!)).toBe(0.5);
        expect(pattern[y * 5 + x]).toBe(pattern[(y - (y % 2)) * 5 + x - (x % 2)]);
      }
  }
  expect(new Set([0, 1, 2].map((label) => patternOf(label).join())).size).toBe(3);
});

it('does not depend on the number of classes, and is pinned: models are of no use with other patterns', () => {
  const more = labelPatterns(shape, 12).each;
  expect(more.subarray(0, each.length)).toEqual(each);
  const row = Array.from(labelPatterns({ width: 28, height: 28, channels: 1 }, 10).each.subarray(0, 28));
  expect(row.map((value) => (value > 0 ? '+' : '-')).join('')).toMatchInlineSnapshot(`"------++++------++++--++++--"`);
});

it('adds its own squares to the length of a row, and the mean of all less', () => {
  const layout = labelLayout(shape, classes, 'pattern');
  expect(layout).toEqual({ skip: 0, prefix: 40, suffix: 3, inputs: 40, pattern: shape });
  expect(labelNorms(layout)).toEqual({ oneHot: norm2, neutral: norm2 / 3 });
  expect(norm2).toBe(patternOf(1).reduce((sum, value) => sum + value * value, 0));
  neutral.forEach((value, i) => {
    expect(value).toBeCloseTo((each[i]! + each[40 + i]! + each[80 + i]!) / 3, 6);
  });
});

it('lies over each sample of each variant, by the scale of the sample', () => {
  const images = Float32Array.from({ length: 80 }, (_, i) => i / 8);
  const of = { images, scale: Float32Array.of(9, 0.5, 0.25), rows: Uint32Array.of(2, 1) };
  const found = patternedRows(of, shape, classes, [Uint8Array.of(1, 2), Uint8Array.of(0, 0)]);
  expect(found).toMatchObject({ batch: 4, variants: 1 });
  const expected = (
    [
      [0, 1, 0.25],
      [1, 2, 0.5],
      [0, 0, 0.25],
      [1, 0, 0.5],
    ] as const
  ).flatMap(([b, label, scale]) =>
    patternOf(label).map((value, p) => Math.fround(images[b * 40 + p]! + scale * value)),
  );
  expect(Array.from(found.prefix)).toEqual(expected);
  const unlabelled = patternedRows(of, shape, classes, 'neutral');
  expect(Array.from(unlabelled.prefix.subarray(0, 40))).toEqual(
    Array.from(neutral, (value, p) => Math.fround(images[p]! + 0.25 * value)),
  );
});
