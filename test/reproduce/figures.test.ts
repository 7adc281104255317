/** Statistics, and how far a spec is from its row. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOfRow, scaled, scaleKey, shortfall } from '../../src/reproduce/scale.js';
import { meanOf, median, t95 } from '../../src/reproduce/statistics.js';
import { toySpec } from '../helpers/tiny.js';

describe('means over seeds', () => {
  it('have Student’s interval', () => {
    // By hand: mean 3, standard deviation 1, t(2) = 4.303.
    expect(meanOf([2, 3, 4])).toMatchObject({ mean: 3, count: 3 });
    expect(meanOf([2, 3, 4]).halfWidth).toBeCloseTo(4.303 / Math.sqrt(3), 12);
    expect(meanOf([5])).toEqual({ mean: 5, halfWidth: undefined, count: 1 });
  });

  it('t falls towards the normal quantile, without a step where the table ends', () => {
    for (let freedom = 1; freedom < 200; freedom++) expect(t95(freedom)).toBeGreaterThan(t95(freedom + 1) - 1e-9);
    expect(t95(31)).toBeCloseTo(2.0395, 3);
    expect(t95(120)).toBeCloseTo(1.9799, 3);
    expect(t95(1e9)).toBeCloseTo(1.959964, 5);
  });

  it('medians are of the middle', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2])]).toEqual([2, 2.5]);
    expect(median([])).toBeNaN();
  });
});

describe('scaled rows', () => {
  const row = toySpec({ epochs: 10, negatives: 'adaptive' });
  const scales = fc.record({
    epochs: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
    trainSamples: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
    testSamples: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
    layers: fc.option(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 4 }), { nil: undefined }),
    precision: fc.constantFrom('f32', 'bf16', undefined),
  });

  it('are recognised as the row, and look like it only if they are it', () => {
    fc.assert(
      fc.property(scales, fc.integer({ min: 1, max: 9 }), (scale, seed) => {
        const spec = { ...scaled(row, scale), seed };
        expect(isOfRow(row, spec)).toBe(true);
        const full = shortfall(row, spec).length === 0;
        expect(full && spec.precision === row.precision).toBe(scaleKey(spec) === scaleKey(row));
        expect(spec.epochs).toBeLessThanOrEqual(row.epochs);
      }),
    );
  });

  it('of another setting are not the row’s', () => {
    for (const other of [{ labelLag: 2 }, { learningRate: 0.1 }, { classifier: 'softmax' }] as const)
      expect(isOfRow(row, toySpec({ ...row, ...other }))).toBe(false);
  });
});
