/** Schedules of the learning rate, and warm-up. */
import { expect, it } from 'vitest';
import { updateRule } from '../../src/model/optimizer.js';
import { rateSchedules, warmupFactor } from '../../src/spec/rate-schedules.js';
import { resolveSpec } from '../../src/spec/spec.js';

const settings = { epochs: 10, splits: 10, cooldownAfter: 0.5 };
const at = (name: string, progress: number): number => rateSchedules.get(name)(progress, settings);

it('constant, step and cosine', () => {
  expect([0, 0.3, 1].map((progress) => at('constant', progress))).toEqual([1, 1, 1]);
  expect([0, 0.49, 0.5, 0.74, 0.75, 1].map((progress) => at('step', progress))).toEqual([1, 1, 0.1, 0.1, 0.01, 0.01]);
  for (let i = 0; i <= 100; i++) expect(at('cosine', i / 100)).toBeCloseTo((1 + Math.cos((Math.PI * i) / 100)) / 2, 12);
  expect([at('cosine', 0), at('cosine', 1)]).toEqual([1, 0]);
});

it('warm-up goes with every schedule, and without it no rate changes', () => {
  expect([0, 0.05, 0.1, 0.5].map((progress) => warmupFactor(0.1, progress))).toEqual([0, 0.5, 1, 1]);
  const rule = (warmup: number) =>
    updateRule(resolveSpec({ optimizer: 'sgd', warmup, schedule: 'constant' }), 0.3, 0, 0.05);
  expect([rule(0.1).stepSize, rule(0).stepSize]).toEqual([0.15, 0.3]);
});
