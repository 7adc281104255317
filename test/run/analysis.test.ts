/**
 * Looking into a network changes no bit, says the same on any number of nodes, and agrees with the evaluation.
 * Own process: it registers parts.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NetworkAnalysis } from '../../src/model/analysis/analysis.js';
import { goodnessHistogram } from '../../src/model/analysis/histogram.js';
import { registerGoodness } from '../../src/spec/own-parts.js';
import { chaptersBetweenLooks } from '../../src/run/analyst.js';
import type { RunResult } from '../../src/run/events.js';
import { prepareData } from '../../src/node/prepare.js';
import { train, trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';
import { matrixOf } from '../helpers/confusion.js';

const dataset = toyDataset();

async function looked(
  spec: PartialSpec,
  nodes: number,
): Promise<{ looks: [number, NetworkAnalysis][]; end: RunResult }> {
  const looks: [number, NetworkAnalysis][] = [];
  let end: RunResult | undefined;
  for await (const event of train({ spec: toySpec(spec), nodes, threadsPerNode: 1, analyseEvery: 1 }, dataset)) {
    if (event.type === 'analysis') looks.push([event.chapter, event.analysis]);
    if (event.type === 'notice') throw new Error(event.text);
    if (event.type === 'finished') end = event.result;
  }
  return { looks, end: end as RunResult };
}

/** Orders samples otherwise than the sum of squares does. */
registerGoodness('fourth-powers', {
  of: (row) => row.reduce((sum, y) => sum + y ** 4, 0) / row.length,
  gradient: (row, out) => row.forEach((y, o) => (out[o] = (4 * y ** 3) / row.length)),
});

const specs: readonly [string, PartialSpec][] = [
  ['goodness', { negatives: 'sampled' }],
  ['SymBa, softmax classifier', { objective: 'symba', negatives: 'random', classifier: 'softmax' }],
  ['adaptive', { negatives: 'adaptive', labelLag: 2, labelMode: 'append' }],
  ['performance-optimized', { objective: 'performance-optimized' }],
  ['mono-forward', { objective: 'mono-forward' }],
  ['own goodness', { goodness: 'fourth-powers', negatives: 'random' }],
  ['last head', { objective: 'performance-optimized', classifier: 'last-head' }],
];

describe.each(specs)('%s', (_, spec) => {
  it('the last look agrees with the evaluation, and the bits stay as they are', async () => {
    const { looks, end } = await looked(spec, 1);
    expect(end.modelDigest).toBe((await trainToEnd({ spec: toySpec(spec), threadsPerNode: 1 }, dataset)).modelDigest);
    expect(looks.map(([chapter]) => chapter)).toEqual([0, 1, 2, 3]);
    const last = looks.at(-1)?.[1] as NetworkAnalysis;
    expect(last.samples).toBe(dataset.test.count);
    expect(last.accuracy).toBeCloseTo(end.testAccuracy, 12);
    if (end.layerAccuracy.length > 0)
      expect(last.layers.map((layer) => layer.accuracy)).toEqual(
        end.layerAccuracy.map((share) => expect.closeTo(share, 12)),
      );
    const wrong = Math.round((1 - last.accuracy) * last.samples);
    expect(last.confused.samples).toHaveLength(Math.min(24, wrong));
    for (const { truth, predicted, sample, margin } of last.confused.samples) {
      expect(truth).toBe(dataset.test.labels[sample]);
      expect(matrixOf(end.confusion)[truth]?.[predicted]).toBeGreaterThan(0);
      expect(margin).toBeGreaterThanOrEqual(0);
    }
    for (const { units, dead, saturated, active, goodness } of last.layers) {
      expect(dead + saturated).toBeLessThanOrEqual(units);
      expect(active).toBeGreaterThan(saturated / units - 1e-12);
      expect(active).toBeLessThanOrEqual(1 - dead / units + 1e-12);
      if (spec.objective === 'performance-optimized' || spec.objective === 'mono-forward')
        expect(goodness).toBeUndefined();
      else
        for (const side of [goodness?.positive, goodness?.negative])
          expect(side?.reduce((sum, n) => sum + n, 0)).toBe(last.samples);
    }
  });
});

it('a chapter looks the same on three nodes as on one', async () => {
  const one = await looked({ negatives: 'random' }, 1);
  const three = await looked({ negatives: 'random' }, 3);
  const found = new Map(one.looks);
  // Beside nodes that run on, a chapter may be left out; the last one never is.
  expect(three.looks.at(-1)?.[0]).toBe(3);
  for (const [chapter, analysis] of three.looks) expect(analysis).toEqual(found.get(chapter));
});

it('looks seldom where a look costs much beside a chapter', () => {
  const spec = toySpec();
  const prepared = prepareData(dataset, spec);
  // 80 samples with 4 labels each, against 3 x 2 passes of 200 samples: 0.267 of a chapter, for 0.003.
  expect(chaptersBetweenLooks(spec, prepared)).toBe(Math.ceil((80 * 4) / (3 * 2 * 200) / 0.003));
});

it('refuses to look at every half chapter', async () => {
  await expect(trainToEnd({ spec: toySpec(), analyseEvery: 0.5 }, dataset)).rejects.toThrow(/every 0.5/);
});

describe('histograms', () => {
  const values = fc.array(fc.float({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 200 });
  it('count every row once, and overlap wholly with themselves', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 50, noNaN: true }), (list, threshold) => {
        const rows = Float32Array.from(list);
        const { positive, negative, overlap, positiveBelow, negativeAbove } = goodnessHistogram(rows, rows, threshold);
        expect(positive.reduce((sum, n) => sum + n, 0)).toBe(rows.length);
        expect(negative).toEqual(positive);
        expect(overlap).toBeCloseTo(1, 9);
        expect((positiveBelow ?? 0) + (negativeAbove ?? 0)).toBeCloseTo(1, 9);
      }),
    );
  });
  it('do not overlap where all positives are far above all negatives', () => {
    const { overlap } = goodnessHistogram(Float32Array.of(5, 6, 7), Float32Array.of(0, 1, 2), 3);
    expect(overlap).toBe(0);
  });
});

describe('convolutions', () => {
  const layers = ['1x6x6', 'conv5k5+bn+max2', 'conv14g1', 8];

  it('show their windows, and maps of a few samples, the brightest of each layer at 255', async () => {
    const { looks, end } = await looked({ layers, objective: 'pred', shift: 1 }, 1);
    const last = looks.at(-1)?.[1] as NetworkAnalysis;
    const { receptiveFields: windows, featureMaps: maps } = last;
    expect(windows).toMatchObject({ shape: { width: 5, height: 5, channels: 1 }, units: [0, 1, 2, 3, 4], channels: 5 });
    const values = bytesOf(windows.weights);
    for (let i = 0; i < 5; i++)
      expect(Math.max(...signed(values.subarray(25 * i, 25 * (i + 1))).map(Math.abs))).toBe(127);
    expect(maps?.samples).toHaveLength(3);
    maps?.samples.forEach(({ sample, truth }, i) => {
      expect(truth).toBe(dataset.test.labels[sample]);
      const image = bytesOf(maps.images).subarray(36 * i, 36 * (i + 1));
      expect(Array.from(image)).toEqual(Array.from(dataset.test.images.subarray(36 * sample, 36 * (sample + 1))));
    });
    // The dense layer has no planes.
    expect(maps?.layers).toMatchObject([
      { layer: 0, width: 3, height: 3, channels: [0, 1, 2, 3, 4], of: 5 },
      { layer: 1, width: 3, height: 3, of: 14 },
    ]);
    expect(maps?.layers[1]?.channels).toEqual([0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]);
    for (const { channels, maps: base64 } of maps?.layers ?? []) {
      const bytes = bytesOf(base64);
      const each = 9 * channels.length;
      expect(bytes).toHaveLength(3 * each);
      for (let i = 0; i < 3; i++) expect(Math.max(...bytes.subarray(i * each, (i + 1) * each))).toBe(255);
    }
    const plain = await trainToEnd(
      { spec: toySpec({ layers, objective: 'pred', shift: 1 }), threadsPerNode: 1 },
      dataset,
    );
    expect(end.modelDigest).toBe(plain.modelDigest);
  });

  it.each(['append', 'pattern'] as const)(
    'with goodness, labels by %s, are looked at with the true label',
    async (labelMode) => {
      const one = await looked({ layers: ['1x6x6', 'conv4+max2', 'conv6'], labelMode, negatives: 'random' }, 1);
      const two = await looked({ layers: ['1x6x6', 'conv4+max2', 'conv6'], labelMode, negatives: 'random' }, 2);
      // Beside nodes that run on, a chapter may be left out; the last one never is.
      expect(two.looks.at(-1)).toEqual(one.looks.at(-1));
      expect(one.looks.at(-1)?.[1].accuracy).toBeCloseTo(one.end.testAccuracy, 12);
    },
  );
});

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, 'base64'));
}

function signed(bytes: Uint8Array): number[] {
  return Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length));
}
