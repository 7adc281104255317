/** Training that stays on the device, by every built-in loss: digest and statistics are those of the CPU, to the last bit. */
import { expect, test } from 'vitest';
import type { Kernels } from '../../src/kernels/kernels.js';
import type { Precision } from '../../src/kernels/numerics.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import type { LayerTrainer, Stock } from '../../src/kernels/trainer.js';
import { sharedDevice } from '../../src/kernels/webgpu/device.js';
import { kernelsOn } from '../../src/kernels/webgpu/webgpu.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { toyDataset } from '../helpers/tiny.js';
import { trainOn } from '../helpers/train-on.js';

Object.assign(process.env, softwareGpu());

interface Calls {
  steps: number;
  drawn: number;
  readonly stocks: Stock['kind'][];
}

/** The kernels on the device, and what is asked of their trainers. */
async function watched(precision: Precision): Promise<{ kernels: Kernels; calls: Calls }> {
  const inside = kernelsOn(await sharedDevice(), { precision, form: 'integer', each: [1] });
  const calls: Calls = { steps: 0, drawn: 0, stocks: [] };
  const kernels: Kernels = {
    ...inside,
    openTrainer(parts, loss): LayerTrainer {
      const trainer = inside.openTrainer!(parts, loss)!;
      return {
        async hold(stock) {
          calls.stocks.push(stock.kind);
          return trainer.hold!(stock);
        },
        async step(step) {
          calls.steps++;
          if ('drawn' in step.input) calls.drawn++;
          await trainer.step(step);
        },
        statistics: () => trainer.statistics(),
      };
    },
  };
  return { kernels, calls };
}

const dataset = toyDataset(50, 4);
const small: PartialSpec = { layers: [36, 20, 12], batch: 16, epochs: 2, splits: 2, precision: 'bf16' };

test.each<[string, PartialSpec]>([
  ['goodness', { objective: 'goodness' }],
  ['goodness with dropout, in f32', { objective: 'goodness', dropout: 0.3, precision: 'f32' }],
  ['symba on the sum with AdaptiveNEG', { objective: 'symba', goodness: 'sum', negatives: 'adaptive' }],
  ['performance-optimized in bf16-tile', { objective: 'performance-optimized', precision: 'bf16-tile' }],
  [
    'performance-optimized with dropout and SGD',
    { objective: 'performance-optimized', dropout: 0.3, optimizer: 'sgd' },
  ],
  ['mono-forward', { objective: 'mono-forward' }],
  ['pred on images less their mean', { objective: 'pred', subtractMean: true }],
])('%s', { timeout: 60_000 }, async (_, more) => {
  const spec = { ...small, ...more };
  const precision = spec.precision ?? 'f32';
  const { kernels, calls } = await watched(precision);
  const found = await trainOn(kernels, dataset, spec);
  const expected = await trainOn(openReference(precision), dataset, spec);
  expect(found).toEqual(expected);
  // All batches were drawn on the device.
  expect(calls.steps).toBe(2 * 2 * 4);
  expect(calls.drawn).toBe(calls.steps);
  expect(calls.stocks).toEqual(['images', 'rows', 'images', 'rows']);
});

test.each<[string, PartialSpec]>([
  ['augmented images', { shift: 1 }],
  ['the softmax classifier', { classifier: 'softmax' }],
])('%s come from the host', { timeout: 60_000 }, async (_, more) => {
  const spec = { ...small, ...more };
  const { kernels, calls } = await watched('bf16');
  expect(await trainOn(kernels, dataset, spec)).toEqual(await trainOn(openReference('bf16'), dataset, spec));
  expect(calls.drawn).toBeLessThan(calls.steps);
});
