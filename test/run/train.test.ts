/** A whole run on the toy dataset: its bits, its folder, its refusals, and what is left when it is stopped. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { listInstructionSets } from '../../src/kernels/native/instruction-sets.js';
import type { KernelsChoice } from '../../src/kernels/open.js';
import { decodeModel } from '../../src/model/model-file.js';
import type { RunEvent } from '../../src/run/events.js';
import { train, trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';
import { predictionsIn } from '../helpers/confusion.js';

const dataset = toyDataset();
const folders: string[] = [];

function temporary(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-test-'));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function events(...args: Parameters<typeof train>): Promise<RunEvent[]> {
  const all: RunEvent[] = [];
  for await (const event of train(...args)) all.push(event);
  return all;
}

async function failure(...args: Parameters<typeof train>): Promise<PffError> {
  try {
    await events(...args);
  } catch (error) {
    expect(error).toBeInstanceOf(PffError);
    return error as PffError;
  }
  throw new Error('the run did not fail');
}

describe('golden trajectory', () => {
  const everything: PartialSpec = {
    negatives: 'random',
    dropout: 0.2,
    shift: 1,
    flip: true,
    peerNormalization: 1,
    optimizer: 'sgd',
    learningRate: 1,
  };
  it.each<[string, PartialSpec]>([
    ['', { classifier: 'softmax', negatives: 'sampled' }],
    [' with SGD, dropout, peer normalisation, shifts and mirror images', everything],
    [' with Mono-Forward', { objective: 'mono-forward', dropout: 0.1 }],
    [' with deformed images', { affine: 0.2, elastic: 1, flip: true, negatives: 'adaptive', augmentPer: 'layer' }],
    [' with means subtracted', { subtractMean: true, shift: 1, negatives: 'adaptive' }],
  ])('gives exactly these losses and this model, on every backend%s', async (_, more) => {
    const losses = (all: RunEvent[]): number[] =>
      all.flatMap((event) => (event.type === 'task-finished' && event.stats.samples > 0 ? [event.stats.loss] : []));
    const spec = toySpec(more);
    const reference = await events({ spec, kernels: 'reference' }, dataset);
    const result = reference.findLast((event) => event.type === 'finished')?.result;
    expect({ losses: losses(reference).slice(0, 10), digest: result?.modelDigest }).toMatchSnapshot();
    for (const kernels of listInstructionSets() as KernelsChoice[]) {
      const native = await events({ spec, kernels, threadsPerNode: 2 }, dataset);
      expect([kernels, losses(native)]).toEqual([kernels, losses(reference)]);
      expect(native.findLast((event) => event.type === 'finished')?.result.modelDigest).toBe(result?.modelDigest);
    }
  });
});

describe('learning', () => {
  it.each(['goodness', 'symba', 'performance-optimized', 'mono-forward', 'backprop', 'backprop-heads'] as const)(
    '%s learns the toy dataset',
    async (objective) => {
      const result = await trainToEnd({ spec: toySpec({ objective, epochs: 12 }) }, dataset);
      expect(result.testAccuracy).toBeGreaterThan(0.9);
      expect(predictionsIn(result.confusion)).toBe(80);
    },
  );

  it.each<PartialSpec>([
    { optimizer: 'sgd', learningRate: 0.1, epochs: 24 },
    { dropout: 0.2 },
    { peerNormalization: 1 },
    { shift: 1 },
    { affine: 0.1, elastic: 0.5 },
    { objective: 'mono-forward', classifier: 'last-head' },
    { objective: 'backprop', dropout: 0.2, shift: 1 },
  ])('with %j', async (more) => {
    expect((await trainToEnd({ spec: toySpec({ epochs: 12, ...more }) }, dataset)).testAccuracy).toBeGreaterThan(0.85);
  });

  it.each(['fixed', 'random', 'adaptive', 'sampled'] as const)(
    'with %s negatives and a softmax classifier',
    async (negatives) => {
      const spec = toySpec({ negatives, classifier: 'softmax', epochs: 12, headLearningRate: 0.02 });
      expect((await trainToEnd({ spec }, dataset)).testAccuracy).toBeGreaterThan(0.9);
    },
  );

  it('DFF learns by full-batch steps, and its bytes are counted', async () => {
    const spec = toySpec({ epochs: 60, splits: 60, negatives: 'random' });
    const result = await trainToEnd({ spec, variant: 'dff' }, dataset);
    expect(result.testAccuracy).toBeGreaterThan(0.6);
    // Outputs of the first two layers (24 and 20 units) of 200 positive and 200 negative rows, in every epoch.
    expect(result.bytesMoved).toBe(60 * 400 * (24 + 20) * 4);
  });
});

describe('the run folder', () => {
  it('holds spec, event log, model and result', async () => {
    const out = path.join(temporary(), 'run');
    const result = await trainToEnd({ spec: toySpec(), out }, dataset);
    expect(readdirSync(out).sort()).toEqual([
      'checkpoint',
      'events.jsonl',
      'model.safetensors',
      'result.json',
      'spec.json',
    ]);
    expect(JSON.parse(readFileSync(path.join(out, 'spec.json'), 'utf8'))).toEqual(result.spec);
    expect(JSON.parse(readFileSync(path.join(out, 'result.json'), 'utf8'))).toEqual(result);
    const log = readFileSync(path.join(out, 'events.jsonl'), 'utf8').trimEnd().split('\n');
    const types = log.map((line) => (JSON.parse(line) as RunEvent).type);
    expect([types[0], types.at(-1)]).toEqual(['started', 'finished']);
    expect(types.filter((type) => type === 'task-finished').length).toBe(4 * 3 + 3);
    const model = decodeModel(readFileSync(path.join(out, 'model.safetensors')));
    expect(model.metadata['modelDigest']).toBe(result.modelDigest);
    expect(model.tensors.map(({ name, shape }) => `${name} ${shape.join('x')}`)).toEqual([
      'layer1.bias 24',
      'layer1.weight 36x24',
      'layer2.bias 20',
      'layer2.weight 24x20',
      'layer3.bias 16',
      'layer3.weight 20x16',
    ]);
  });

  it('is refused where there is something already, which stays as it was', async () => {
    const out = temporary();
    writeFileSync(path.join(out, 'mine.txt'), 'mine');
    const error = await failure({ spec: toySpec(), out }, dataset);
    expect([error.code, error.message]).toEqual(['files', `the run folder ${out} exists and is not empty`]);
    expect(readdirSync(out)).toEqual(['mine.txt']);
  });

  it('is refused where it cannot be made', async () => {
    const error = await failure({ spec: toySpec(), out: '/proc/pff/run' }, dataset);
    expect([error.code, error.message]).toEqual(['files', expect.stringMatching(/cannot make the run folder/)]);
  });

  it('keeps what there is when the run is interrupted', async () => {
    const out = path.join(temporary(), 'run');
    const controller = new AbortController();
    const spec = toySpec({ epochs: 400 });
    let error: unknown;
    try {
      for await (const event of train({ spec, out, signal: controller.signal }, dataset))
        if (event.type === 'task-finished' && event.task.chapter === 2) controller.abort(new Error('Ctrl-C'));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'interrupted' });
    const { metadata } = decodeModel(readFileSync(path.join(out, 'model.safetensors')));
    expect(Number(metadata['interruptedAfterChapters'])).toBeGreaterThanOrEqual(2);
    expect(existsSync(path.join(out, 'result.json'))).toBe(false);
  });

  it('is trained, but not evaluated, where its evaluation is interrupted; resuming evaluates', async () => {
    const out = path.join(temporary(), 'run');
    const controller = new AbortController();
    const asked = { spec: toySpec(), out, signal: controller.signal };
    const told: RunEvent[] = [];
    let error: unknown;
    try {
      for await (const event of train(asked, dataset)) {
        told.push(event);
        if (event.type === 'trained') controller.abort();
      }
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(PffError);
    expect(error).toMatchObject({
      code: 'interrupted',
      message: expect.stringContaining('not evaluated'),
      hint: expect.stringContaining(`--resume ${out}`),
    });
    expect(told.at(-1)).toMatchObject({ type: 'interrupted', chapters: 4 });
    const again = await events({ resume: out }, dataset);
    expect(again.filter(({ type }) => type === 'task-finished')).toEqual([]);
    expect(again.at(-1)).toMatchObject({ type: 'finished' });
  });
});

describe('wrong input', () => {
  it.each<[string, Parameters<typeof toySpec>[0], string, RegExp]>([
    [
      'layers that do not fit the images',
      { layers: [784, 10, 10] },
      'usage',
      /layers begin with 784, but images of toy have 36 values/,
    ],
    [
      'more samples than there are',
      { trainSamples: 1000 },
      'usage',
      /1000 training samples were asked for, but there are 200/,
    ],
    [
      'validation that leaves nothing',
      { validationSamples: 200 },
      'usage',
      /validationSamples is 200, but there are only 200/,
    ],
    ['shifts beyond the image', { shift: 6 }, 'usage', /shift is 6, but images of toy have only 6 x 6 pixels/],
    ['squares beyond it', { cutout: 6 }, 'usage', /cutout is 6, but images of toy have only 6 x 6 pixels/],
    ['distortions beyond it', { elastic: 6 }, 'usage', /elastic is 6, but images of toy have only 6 x 6 pixels/],
    [
      'a rate that blows up',
      { learningRate: 1e30, weightDecay: 0 },
      'training',
      /the loss of layer \d became (NaN|Infinity) in chapter \d, batch \d+/,
    ],
    [
      'layers beyond the memory',
      { layers: [36, 3_000_000, 3_000_000] },
      'memory',
      /this run may need .* GB, but the machine has/,
    ],
  ])('%s', async (_, spec, code, message) => {
    const error = await failure({ spec: toySpec(spec) }, dataset);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(/Give|Lower|Choose/);
  });

  it('a baseline in the pipeline', async () => {
    const error = await failure({ spec: toySpec({ objective: 'backprop' }), nodes: 2 }, dataset);
    expect(error.message).toBe('objective backprop is outside the pipeline, but variant is all-layers');
  });
});

it('a federated run with shards that no chapter trains on is refused', async () => {
  const spec = toySpec({ splits: 2, shards: 3 });
  const error = await failure({ spec, variant: 'federated', nodes: 2 }, dataset);
  expect([error.code, error.message, error.hint]).toEqual([
    'usage',
    'each chapter trains on one shard: with splits 2 and shards 3, only the first 2 of the shards would ever be trained on',
    'Give at least --splits 3, or fewer --shards.',
  ]);
});

describe('the spec decides the bits', () => {
  it('validation samples are held out of training and reported on', async () => {
    const result = await trainToEnd({ spec: toySpec({ validationSamples: 50 }) }, dataset);
    expect(result.evaluatedOn).toBe('validation');
    expect(predictionsIn(result.confusion)).toBe(50);
    const cut = await trainToEnd({ spec: toySpec({ trainSamples: 150 }) }, dataset);
    expect(result.modelDigest).toBe(cut.modelDigest);
  });
});

describe('the ledger of a pipeline', () => {
  it('says the bound, the speed-up and what kept the nodes from computing', async () => {
    const { pipeline, trainSeconds } = await trainToEnd({ spec: toySpec({ epochs: 6 }), nodes: 2 }, dataset);
    expect(pipeline).toBeDefined();
    const { aloneSeconds, boundSeconds, speedUp, reached, idle } = pipeline as NonNullable<typeof pipeline>;
    expect(aloneSeconds).toBeGreaterThan(boundSeconds);
    expect(aloneSeconds).toBeLessThanOrEqual(2 * boundSeconds);
    expect(boundSeconds / reached).toBeLessThanOrEqual(trainSeconds);
    expect(speedUp / reached).toBeCloseTo(aloneSeconds / boundSeconds, 6);
    expect(idle.map(({ reason }) => reason)).toContain('fill');
  });

  it('is silent where there is one node, a baseline, or an earlier part that it did not see', async () => {
    const out = temporary();
    const spec = toySpec({ epochs: 4, cooldownAfter: 1 });
    expect(await trainToEnd({ spec }, dataset)).not.toHaveProperty('pipeline');
    expect(await trainToEnd({ spec, nodes: 2, out }, dataset)).toHaveProperty('pipeline');
    expect(await trainToEnd({ resume: out, spec: { epochs: 6 } }, dataset)).not.toHaveProperty('pipeline');
  });
});
