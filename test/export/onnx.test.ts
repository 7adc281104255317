/**
 * An exported model in ONNX Runtime predicts what ours does, for each classifier. PFF_ONNX_IMAGES sets how many of MNIST's
 * test images are compared (10000 for all).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as ort from 'onnxruntime-web';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import { loadDataset } from '../../src/data/sources/load.js';
import { exportModel } from '../../src/run/export.js';
import { predictImages } from '../../src/run/model.js';
import { trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';

const IMAGES = Number(process.env['PFF_ONNX_IMAGES'] ?? 500);

let folder = '';
let mnist: Dataset;
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-onnx-'));
  mnist = await loadDataset({ dataset: 'mnist' });
  ort.env.wasm.numThreads = 1;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const specs: readonly [string, PartialSpec][] = [
  ['goodness, mean', {}],
  [
    'goodness, sum, appended labels',
    { goodness: 'sum', threshold: 64, steepness: 0.1, labelMode: 'append', learningRate: 0.01 },
  ],
  ['goodness, means subtracted', { subtractMean: true }],
  ['softmax', { classifier: 'softmax' }],
  ['last head', { objective: 'performance-optimized', classifier: 'last-head' }],
  ['all heads', { objective: 'performance-optimized' }],
  ['all heads, means subtracted', { objective: 'performance-optimized', subtractMean: true }],
  ['mono-forward, all projections', { objective: 'mono-forward' }],
  ['mono-forward, last projection', { objective: 'mono-forward', classifier: 'last-head' }],
  ['backprop', { objective: 'backprop' }],
  ['backprop, all heads', { objective: 'backprop-heads' }],
  [
    'convolutions, goodness of each label',
    { layers: ['1x28x28', 'conv6+max2', 'conv8s2+leaky+avg2', 24], learningRate: 0.01, trainSamples: 400 },
  ],
  [
    'convolutions in groups, with running and with group statistics, pooled heads',
    { layers: ['1x28x28', 'conv8+bn', 'conv8g2+gn4+max2+conv12k5p0+ln', 24], objective: 'pred', trainSamples: 400 },
  ],
  [
    'convolutions, a pattern for each label',
    {
      layers: ['1x28x28', 'conv6k5+bn+max2', 'conv8s2+leaky+avg2', 24],
      labelMode: 'pattern',
      learningRate: 0.01,
      trainSamples: 400,
    },
  ],
  [
    'convolutions, patterns, softmax, means subtracted',
    {
      layers: ['1x28x28', 'conv6+max2', 'conv8s2+max2'],
      labelMode: 'pattern',
      classifier: 'softmax',
      subtractMean: true,
      trainSamples: 400,
    },
  ],
  [
    'convolutions, positions normalised, operations without a convolution',
    {
      layers: ['1x28x28', 'avg2+ln+conv8+ln2d+leaky0.2', 'conv12+rms+max2+max2+conv8+relu+bn', 24],
      learningRate: 0.01,
      trainSamples: 400,
    },
  ],
  [
    'convolutions, channel groups',
    { layers: ['1x28x28', 'conv10s2+bn', 'conv20+max2', 30], objective: 'cwc', trainSamples: 400 },
  ],
];

it.each(specs)('%s: the same predictions in ONNX Runtime', async (name, more) => {
  const out = path.join(folder, name.replaceAll(/\W+/g, '-'));
  const spec = { trainSamples: 1500, testSamples: 100, layers: [784, 64, 48, 32], epochs: 2, ...more };
  await trainToEnd({ spec, out }, mnist);
  const { file } = await exportModel(out, { to: 'onnx' });
  const session = await ort.InferenceSession.create(readFileSync(file));

  const pixels = mnist.test.images.subarray(0, IMAGES * 784);
  const ours = await predictImages(out, pixels, mnist.shape, mnist.classes);
  const images = new ort.Tensor(
    'float32',
    Float32Array.from(pixels, (byte) => byte / 255),
    [IMAGES, 784],
  );
  const { label, scores } = await session.run({ images });
  expect(Array.from(label?.data as BigInt64Array, Number)).toEqual(ours.map((prediction) => prediction.label));
  expect(scores?.dims).toEqual([IMAGES, 10]);
  const theirs = scores?.data as Float32Array;
  // Sums in another order, so equal to rounding only.
  const differences = ours.flatMap((prediction, i) =>
    prediction.scores.map((score, c) => Math.abs(score - (theirs[i * 10 + c] as number)) / (1 + Math.abs(score))),
  );
  expect(Math.max(...differences)).toBeLessThan(2e-5);
});
