/**
 * Training that stays on the device, by every built-in loss: digest and statistics are those of the CPU, to the last bit.
 * Own process: its environment names a GPU in software.
 */
import { expect, test, vi } from 'vitest';
import { GpuFailure } from '../../src/kernels/gpu-failure.js';
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
import { emptyTensors, sgdRule } from './layers.js';

Object.assign(process.env, softwareGpu());

interface Calls {
  steps: number;
  drawn: number;
  /** Readings that steps waited for. */
  readings: number;
  readonly stocks: Stock['kind'][];
}

/** The kernels on the device, and what is asked of their trainers. */
async function watched(precision: Precision, holds = true): Promise<{ kernels: Kernels; calls: Calls }> {
  const device = await sharedDevice();
  const read = vi.spyOn(device, 'read');
  const inside = kernelsOn(device, { precision, form: 'integer', each: [1] });
  const calls: Calls = { steps: 0, drawn: 0, readings: 0, stocks: [] };
  const kernels: Kernels = {
    ...inside,
    openTrainer(parts, loss): LayerTrainer | undefined {
      const trainer = inside.openTrainer!(parts, loss);
      return (
        trainer && {
          async hold(stock) {
            calls.stocks.push(stock.kind);
            return holds && trainer.hold !== undefined && trainer.hold(stock);
          },
          async step(step) {
            calls.steps++;
            if ('drawn' in step.input) calls.drawn++;
            const before = read.mock.calls.length;
            await trainer.step(step);
            calls.readings += read.mock.calls.length - before;
          },
          statistics: () => trainer.statistics(),
        }
      );
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
])('%s', async (_, more) => {
  const spec = { ...small, ...more };
  const precision = spec.precision ?? 'f32';
  const { kernels, calls } = await watched(precision);
  const found = await trainOn(kernels, dataset, spec);
  const expected = await trainOn(openReference(precision), dataset, spec);
  expect(found).toEqual(expected);
  // All batches were drawn on the device.
  expect(calls.steps).toBe(2 * 2 * 4);
  expect([calls.drawn, calls.readings]).toEqual([calls.steps, 0]);
  expect(calls.stocks).toEqual(['images', 'rows', 'images', 'rows']);
});

const convolved: PartialSpec = {
  ...small,
  layers: ['1x6x6', 'conv6+bn+leaky0.25+max2', 'conv9+relu'],
  epochs: 1,
  splits: 1,
};

test.each<[string, PartialSpec]>([
  ['goodness, whole channels dropped', { objective: 'goodness', dropout: 0.3, dropoutOf: 'channels' }],
  ['symba on the sum', { objective: 'symba', goodness: 'sum' }],
  [
    'performance-optimized, whole channels dropped',
    { objective: 'performance-optimized', dropout: 0.3, dropoutOf: 'channels' },
  ],
  ['mono-forward', { objective: 'mono-forward', optimizer: 'sgd' }],
])('blocks of convolutions: %s', async (_, more) => {
  const spec = { ...convolved, ...more };
  const { kernels, calls } = await watched('bf16');
  expect(await trainOn(kernels, dataset, spec)).toEqual(await trainOn(openReference('bf16'), dataset, spec));
  // No step waited for what it left.
  expect([calls.steps, calls.readings]).toEqual([2 * 4, 0]);
});

test('a head on averages of large planes is left to the CPU', async () => {
  const spec: PartialSpec = { ...convolved, layers: ['1x6x6', 'conv60'], objective: 'performance-optimized' };
  const { kernels, calls } = await watched('bf16');
  expect(await trainOn(kernels, dataset, spec)).toEqual(await trainOn(openReference('bf16'), dataset, spec));
  expect(calls.steps).toBe(0);
});

test.each<[string, PartialSpec]>([
  ['augmented images', { shift: 1 }],
  ['the softmax classifier', { classifier: 'softmax' }],
])('%s come from the host', async (_, more) => {
  const spec = { ...small, ...more };
  const { kernels, calls } = await watched('bf16');
  expect(await trainOn(kernels, dataset, spec)).toEqual(await trainOn(openReference('bf16'), dataset, spec));
  expect(calls.drawn).toBeLessThan(calls.steps);
});

test('batches come from the host where samples find no room on the device', async () => {
  const { kernels, calls } = await watched('bf16', false);
  expect(await trainOn(kernels, dataset, small)).toEqual(await trainOn(openReference('bf16'), dataset, small));
  expect([calls.steps, calls.drawn]).toEqual([16, 0]);
});

test('a loss that is not finite names the batch that the CPU names', async () => {
  const spec: PartialSpec = { ...small, learningRate: 1e18, weightDecay: 0 };
  const messageOf = (training: Promise<unknown>) =>
    training.then(
      () => 'it was trained',
      (error: Error) => error.message,
    );
  const expected = await messageOf(trainOn(openReference('bf16'), dataset, spec));
  expect(expected).toMatch(/^the loss of layer 1 became .* in chapter 1, batch [2-4]$/);
  const { kernels } = await watched('bf16');
  expect(await messageOf(trainOn(kernels, dataset, spec))).toBe(expected);
});

test('rows that a stock does not have are not drawn', async () => {
  const kernels = kernelsOn(await sharedDevice(), { precision: 'bf16', form: 'integer', each: [1] });
  const layer = await kernels.openDense(emptyTensors(3, 4), { activation: 'relu', maxRows: 2, suffixInputs: 0 });
  const trainer = kernels.openTrainer!([layer], { kind: 'symba', goodness: 'sum', steepness: 1 })!;
  const step = (drawn: readonly number[]) => ({
    input: { drawn: Uint32Array.from(drawn), batch: 2, variants: 1 as const },
    labels: new Uint8Array(1),
    layerRule: sgdRule,
    headRule: sgdRule,
  });
  await expect(trainer.step(step([0, 1]))).rejects.toThrow('no stock is held');
  expect(await trainer.hold!({ kind: 'rows', values: new Float32Array(9) })).toBe(true);
  await expect(trainer.step(step([0, 3]))).rejects.toThrow('row 3 is drawn, but the stock has only 3');
  layer.close();
});

// The last one: the next device has to compile everything again.
test('a device that is lost with steps of a block under way ends the training', async () => {
  const { kernels, calls } = await watched('bf16');
  (await sharedDevice()).loseAtSubmission(4);
  await expect(trainOn(kernels, dataset, { ...convolved, objective: 'symba', goodness: 'sum' })).rejects.toThrow(
    GpuFailure,
  );
  expect(calls.steps).toBeGreaterThan(1);
});
