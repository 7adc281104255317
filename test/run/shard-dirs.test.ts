/** Federated with a folder for each shard: its bits, what each node gets to see, and what is refused. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { writeIdx } from '../../src/data/idx.js';
import { takeSamples, type Samples, type SampleValues } from '../../src/data/dataset.js';
import { loadDataset } from '../../src/data/sources/load.js';
import { jobOfNode } from '../../src/node/job.js';
import { prepareData } from '../../src/node/prepare.js';
import { trainToEnd } from '../../src/run/train.js';
import type { TrainOptions } from '../../src/run/options.js';
import type { RunResult } from '../../src/run/events.js';
import { resolveSpec, type PartialSpec } from '../../src/spec/spec.js';
import { describeError } from '../data/helpers.js';
import { TOY_SIDE, toyDataset, toySpec } from '../helpers/tiny.js';
import type { Labels } from '../../src/data/label-array.js';
import { predictionsIn } from '../helpers/confusion.js';

const toy = toyDataset();
let root = '';
let folders: string[] = [];

function writeSplit(folder: string, split: string, { count, images, labels }: Samples): void {
  const write = (name: string, dims: number[], data: SampleValues | Labels): void =>
    writeFileSync(join(folder, name), writeIdx({ dims, data: Uint8Array.from(data) }));
  write(`${split}-images-idx3-ubyte`, [count, TOY_SIDE, TOY_SIDE], images);
  write(`${split}-labels-idx1-ubyte`, [count], labels);
}

function writeFolder(name: string, train: Samples, test: Samples): string {
  const folder = join(root, name);
  mkdirSync(folder);
  writeSplit(folder, 'train', train);
  writeSplit(folder, 't10k', test);
  return folder;
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pff-test-'));
  // Of unequal sizes; the test data of a shard is never used.
  folders = [takeSamples(toy.train, 90), takeSamples(toy.train, 50, 90), takeSamples(toy.train, 60, 140)].map(
    (train, shard) => writeFolder(`site-${shard + 1}`, train, takeSamples(toy.test, 8)),
  );
  folders.push(writeFolder('test', takeSamples(toy.train, 4), toy.test));
});
afterAll(() => rmSync(root, { recursive: true }));

function run(more: Omit<TrainOptions, 'spec'> & { readonly spec?: PartialSpec }): Promise<RunResult> {
  const spec = toySpec({ dataset: 'idx', negatives: 'sampled', classifier: 'softmax', shards: 3, ...more.spec });
  return trainToEnd({
    dataDir: folders[3],
    shardDirs: folders.slice(0, 3),
    threadsPerNode: 1,
    ...more,
    spec,
  });
}

describe('a folder for each shard', () => {
  it('gives the same bits on three nodes, on two and on one, and learns from all of them', async () => {
    const spec = { epochs: 12, headLearningRate: 0.02 };
    const three = await run({ spec });
    expect(three).toMatchObject({ variant: 'federated', nodes: 3, spec: { shards: 3 } });
    expect(three.testAccuracy).toBeGreaterThan(0.8);
    expect((await run({ spec, nodes: 2, variant: 'federated' })).modelDigest).toBe(three.modelDigest);
    expect((await run({ spec, variant: 'sequential' })).modelDigest).toBe(three.modelDigest);
    const order = [folders[1], folders[0], folders[2]] as string[];
    const other = await run({ spec, shardDirs: order });
    expect(other.modelDigest).not.toBe(three.modelDigest);
    expect(other.dataDigest).not.toBe(three.dataDigest);
  });

  it('predicted labels of each shard are made from its own data, with every schedule of the lag', async () => {
    const spec = { negatives: 'adaptive', labelLag: 3, epochs: 7 };
    expect((await run({ spec })).modelDigest).toBe((await run({ spec, variant: 'sequential' })).modelDigest);
  });

  it('a node gets no data but its own', async () => {
    const spec = toySpec({ dataset: 'idx', shards: 3 });
    const [test, ...sites] = await Promise.all(
      [3, 0, 1, 2].map((i) => loadDataset({ dataset: 'idx', dataDir: folders[i] })),
    );
    const prepared = prepareData(test as typeof toy, spec, sites);
    const { layout } = prepared;
    const job = {
      spec,
      variant: 'federated',
      nodes: 3,
      layout,
      classes: 4,
      sites: prepared.sites,
      startedMs: 0,
    } as const;
    for (const node of [0, 1, 2]) {
      const own = jobOfNode(job, node).sites;
      expect(own.map((site) => site?.data.samples.count)).toEqual(
        [90, 50, 60].map((n, i) => (i === node ? n : undefined)),
      );
    }
  });

  it('asks of a folder only what it is read for', async () => {
    // The test folder has 4 images to train on, each site 8 to test on.
    const small = { spec: { testSamples: 40, trainSamples: 48, splits: 8, epochs: 4, batch: 16 } };
    expect(predictionsIn((await run(small)).confusion)).toBe(40);
  });

  it('needs no test data of a shard, and no training data where it is tested', async () => {
    const [dataDir, ...shardDirs] = [3, 0, 1, 2].map((i) => {
      const from = folders[i] as string;
      const to = join(root, `part of ${i}`);
      cpSync(from, to, { recursive: true });
      for (const name of readdirSync(to)) if (name.startsWith(i === 3 ? 'train' : 't10k')) rmSync(join(to, name));
      return to;
    });
    const spec = { epochs: 3 };
    expect((await run({ spec, dataDir, shardDirs })).modelDigest).toBe((await run({ spec })).modelDigest);
    // What is missing is told of the folder that lacks it.
    const swapped = [shardDirs[0] as string, dataDir as string, shardDirs[2] as string];
    expect(await describeError(() => run({ spec, dataDir, shardDirs: swapped }))).toBe(
      `data: shard 2 (${dataDir}): dataset idx: train-images-idx3-ubyte, train-labels-idx1-ubyte not found (also with .gz) in ${dataDir} | ` +
        'Only the training data of the folder is used; it must have train-images-idx3-ubyte, train-labels-idx1-ubyte (each may end in .gz).',
    );
    expect(await describeError(() => run({ spec, dataDir: shardDirs[0], shardDirs }))).toMatch(
      /^data: dataset idx: t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte not found .*\/part of 0 \| Only the test data of the folder is used; it must have t10k/,
    );
  });

  it('resumes with its folders', async () => {
    const out = join(root, 'run');
    const whole = await run({ spec: { epochs: 6, cooldownAfter: 1 } });
    await run({ spec: { epochs: 3, cooldownAfter: 1 }, out });
    const resumed = await trainToEnd({ resume: out, spec: { epochs: 6 } });
    expect(resumed.modelDigest).toBe(whole.modelDigest);
    writeSplit(folders[2] as string, 't10k', takeSamples(toy.test, 9));
    expect(await describeError(() => trainToEnd({ resume: out, spec: { epochs: 9 } }))).toMatch(
      /^data: .* is not the one that the run began with/,
    );
    writeSplit(folders[2] as string, 't10k', takeSamples(toy.test, 8));
  });
});

it('accuracy is measured on validation samples of the test data, by which a run may stop early', () => {
  const { train, ...data } = { ...toy, validation: takeSamples(toy.test, 20) };
  const shards = [0, 1, 2].map((shard) => ({ ...toy, train: takeSamples(train, 60, 60 * shard) }));
  const spec = resolveSpec(toySpec({ negatives: 'random', shards: 3, earlyStop: 2 }));
  expect(prepareData({ ...data, train }, spec, shards).validation?.samples.count).toBe(20);
  expect(() => prepareData({ ...data, validation: undefined, train }, spec, shards)).toThrow(
    'earlyStop is 2, but there are no validation samples to decide by',
  );
});

describe('refused', () => {
  it.each([
    ['as many folders as shards', { spec: { shards: 2 } }, /shards is 2, but there are 3 folders .*--shards/],
    ['no skew', { spec: { skew: 1 } }, /skew is 1, but the folders/],
    ['no validation samples', { spec: { validationSamples: 10 } }, /validationSamples/],
    [
      'no variant in which nodes read all',
      { variant: 'all-layers', nodes: 2 },
      /in variant all-layers every node reads all/,
    ],
  ] as const)('%s', async (_, options, text) => {
    expect(await describeError(() => run(options as Parameters<typeof run>[0]))).toMatch(text);
  });

  it('a shard with classes that the test data has not', async () => {
    const twoClasses = (samples: Samples): Samples => ({ ...samples, labels: samples.labels.map((_, i) => i % 2) });
    const dataDir = writeFolder(
      'two classes',
      twoClasses(takeSamples(toy.train, 4)),
      twoClasses(takeSamples(toy.test, 4)),
    );
    expect(await describeError(() => run({ dataDir }))).toMatch(
      /^data: shard 1 has the classes 0, 1, 2, 3, but the test data 0, 1 \| /,
    );
  });
});
