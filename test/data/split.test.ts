/** Rows that are drawn to train on: as many as were asked for, of each class its share, by a keyed order. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { drawRows } from '../../src/data/split.js';

/** Labels class by class, as those of a folder of images. */
const labelsOf = (sizes: readonly number[]): number[] =>
  sizes.flatMap((size, label) => Array<number>(size).fill(label));
const drawnOf = (sizes: readonly number[], count: number): number[] => {
  const labels = labelsOf(sizes);
  const drawn = [...drawRows(labels, sizes.length, count, 1)].map((row) => labels[row]);
  return sizes.map((_, label) => drawn.filter((each) => each === label).length);
};

it('each class has its share', () => {
  expect(drawnOf([600, 300, 100], 100)).toEqual([60, 30, 10]);
  expect(drawnOf([10, 10, 10], 10)).toEqual([3, 3, 4]);
});

it('a rare class has one row, if there are enough for all', () => {
  expect(drawnOf([1, 0, 980, 2, 17], 100)).toEqual([1, 0, 96, 1, 2]);
  expect(drawnOf([1, 1, 1, 97], 4)).toEqual([1, 1, 1, 1]);
  expect(drawnOf([1, 1, 1, 97], 2).reduce((sum, each) => sum + each)).toBe(2);
});

it('the same for the same seed, in the order of the rows', () => {
  const labels = Array.from({ length: 90 }, (_, i) => i % 3);
  const drawn = drawRows(labels, 3, 30, 1);
  expect([...drawn]).toEqual([...drawn].toSorted((a, b) => a - b));
  expect(drawRows(labels, 3, 30, 1)).toEqual(drawn);
  expect(drawRows(labels, 3, 30, 2)).not.toEqual(drawn);
});

it('of any sizes: as many different rows as were asked for, no class far from its share', () => {
  const sizes = fc.array(fc.nat(40), { minLength: 1, maxLength: 12 }).filter((all) => all.some((size) => size > 0));
  fc.assert(
    fc.property(sizes, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
      const labels = labelsOf(all);
      const count = Math.floor(share * labels.length);
      expect(new Set(drawRows(labels, all.length, count, 1)).size).toBe(count);
      const drawn = drawnOf(all, count);
      const present = all.filter((size) => size > 0).length;
      drawn.forEach((each, label) => {
        const size = all[label] as number;
        if (count >= present && size > 0) expect(each).toBeGreaterThanOrEqual(1);
        expect(each).toBeLessThan(Math.max(1, (size * count) / labels.length) + 1);
      });
    }),
  );
});
