/** Which samples of a dataset are trained on, held out and left aside. */
import { describe, expect, it } from 'vitest';
import { datasetFromArrays } from '../../src/data/arrays.js';
import type { Dataset } from '../../src/data/dataset.js';
import { prepareData, prepareMeasured } from '../../src/node/prepare.js';
import { memoryBound } from '../../src/run/memory.js';
import { train, trainToEnd } from '../../src/run/train.js';
import { resolveSpec, type PartialSpec, type RunSpec } from '../../src/spec/spec.js';
import { describeError } from '../data/helpers.js';

/** 60 samples of class a, then 30 of b and 10 of c, as files of folders are read. The second value of each says its place. */
function byClass(): Dataset {
  const labels = Array.from({ length: 100 }, (_, i) => (i < 60 ? 0 : i < 90 ? 1 : 2));
  const images = Uint8Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 80 * (labels[i / 2] as number) : i >> 1));
  const shape = { width: 2, height: 1, channels: 1 };
  const part = { images, labels };
  return datasetFromArrays({ name: 'sorted', shape, classes: ['a', 'b', 'c'], train: part, test: part });
}

const spec = (more: PartialSpec = {}): RunSpec =>
  resolveSpec({ dataset: 'own', layers: [2, 8, 8], labelMode: 'append', batch: 5, epochs: 1, splits: 1, ...more });
const countsOf = ({ sites }: ReturnType<typeof prepareData>): number[] => {
  const counts = [0, 0, 0];
  for (const label of sites[0]?.data.samples.labels ?? []) counts[label] = (counts[label] as number) + 1;
  return counts;
};
const placesOf = ({ sites }: ReturnType<typeof prepareData>): number[] =>
  [...(sites[0]?.data.samples.images ?? [])].filter((_, i) => i % 2 === 1);

describe('data of one’s own that lie class by class', () => {
  it('trainSamples takes the same share of each class, in their order', () => {
    const prepared = prepareData(byClass(), spec({ trainSamples: 20 }));
    expect([countsOf(prepared), prepared.facts.trainSamples, prepared.notes]).toEqual([[12, 6, 2], 20, []]);
    const places = placesOf(prepared);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(placesOf(prepareData(byClass(), spec({ trainSamples: 20 })))).toEqual(places);
    expect(placesOf(prepareData(byClass(), spec({ trainSamples: 20, splitSeed: 2 })))).not.toEqual(places);
  });

  it('and so does testSamples', () => {
    const { test } = prepareData(byClass(), spec({ testSamples: 10 }));
    expect([0, 1, 2].map((label) => test.samples.labels.filter((each) => each === label).length)).toEqual([6, 3, 1]);
    expect(prepareMeasured(byClass(), spec({ testSamples: 10 })).test.samples.images).toEqual(test.samples.images);
  });

  it('the whole counts as memory where a part is a copy', () => {
    const data = (more: PartialSpec): number => {
      const asked = spec(more);
      const execution = { variant: 'sequential', nodes: 1, threadsPerNode: 1, kernels: 'auto' } as const;
      return memoryBound(asked, execution, prepareData(byClass(), asked)).data;
    };
    // Two bytes a sample, and what is kept of each.
    expect(data({ trainSamples: 20 })).toBe(data({ trainSamples: 100 }) - 80 * 20 + 20 * 2);
  });

  it('in folders of shards, too', () => {
    const prepared = prepareData(byClass(), spec({ trainSamples: 20, shards: 2 }), [byClass(), byClass()]);
    expect([countsOf(prepared), prepared.facts.trainSamples]).toEqual([[12, 6, 2], 40]);
  });

  it('validationSamples is refused, and models that were trained with it are measured as before', async () => {
    const asked = spec({ validationSamples: 10 });
    expect(await describeError(() => trainToEnd({ spec: asked }, byClass()))).toBe(
      'usage: validationSamples is 10, but the last samples of data of your own may be all of one class | ' +
        'Give --validation SHARE (validationShare), such as 0.1: it sets aside the same share of each class.',
    );
    const { test, facts } = prepareMeasured(byClass(), asked);
    expect([[...new Set(test.samples.labels)], facts.evaluatedOn]).toEqual([[2], 'validation']);
  });
});

describe('other data', () => {
  it('keep their order, and the classes that are left without training samples are told', () => {
    const cut = prepareData(byClass(), spec({ dataset: 'sorted', trainSamples: 20 }));
    expect([placesOf(cut), cut.drawnFromBytes]).toEqual([Array.from({ length: 20 }, (_, i) => i), 0]);
    expect(cut.notes).toEqual([
      'classes b, c: none among the 20 training samples that are used, so that it cannot be learned',
    ]);
    const held = prepareData(byClass(), spec({ dataset: 'sorted', validationSamples: 10 }));
    expect(held.notes).toEqual([
      'class c: none among the 90 training samples that are used, so that it cannot be learned',
    ]);
    expect(prepareData(byClass(), spec({ dataset: 'sorted' })).notes).toEqual([]);
  });

  it('a run says so', async () => {
    const said: string[] = [];
    const data = { ...byClass(), notes: [] };
    for await (const event of train({ spec: spec({ dataset: 'sorted', trainSamples: 70, negatives: 'random' }) }, data))
      if (event.type === 'notice') said.push(event.text);
    expect(said).toEqual([
      'dataset sorted: class c: none among the 70 training samples that are used, so that it cannot be learned',
    ]);
  });
});
