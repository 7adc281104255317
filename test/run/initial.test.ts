/** Runs that begin with a model: warm starts, frozen layers, the same bits in every schedule, after a kill and on a cluster; misfits. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { encodeSafetensors } from '../../src/formats/safetensors.js';
import { decodeModel, type SavedModel } from '../../src/model/model-file.js';
import type { RunEvent } from '../../src/run/events.js';
import type { TrainOptions } from '../../src/run/options.js';
import { train, trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { Fleet } from '../cluster/fleet.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-initial-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const dataset = toyDataset();
const at = (name: string): string => path.join(folder, name);
const modelOf = (run: string): SavedModel => decodeModel(readFileSync(path.join(at(run), 'model.safetensors')));
const tensorsOf = (run: string): Map<string, string> =>
  new Map(modelOf(run).tensors.map(({ name, values }) => [name, Buffer.from(values.buffer.slice(0)).toString('hex')]));

async function digestOf(options: TrainOptions): Promise<string> {
  return (await trainToEnd(options, dataset)).modelDigest;
}

/** What a training that is refused is refused for. */
async function refusal(options: TrainOptions): Promise<string> {
  const error: unknown = await trainToEnd(options, dataset).catch((each: unknown) => each);
  expect(error).toBeInstanceOf(PffError);
  return (error as PffError).message;
}

const objectives: readonly [string, PartialSpec][] = [
  ['goodness, softmax head', { classifier: 'softmax' }],
  ['AdaptiveNEG', { negatives: 'adaptive', labelLag: 2 }],
  ['performance-optimized, bf16 on the wire', { objective: 'performance-optimized', wire: 'bf16' }],
  ['convolutions', { layers: ['1x6x6', 'conv4+bn+max2', 'conv6+bn', 8], objective: 'pred' }],
];

it('takes columns of a table in the order of the model, and says where they are others', async () => {
  const table = (name: string, columns: string, cells: (i: number) => string): string => {
    writeFileSync(at(name), [columns, ...Array.from({ length: 40 }, (_, i) => `${cells(i)},${i % 2}`)].join('\n'));
    return at(name);
  };
  const spec = { layers: [0, 8, 8], epochs: 1 };
  await trainToEnd({ data: table('xy.csv', 'x,y,class', (i) => `${i % 7},${i % 3}`), spec, out: at('xy') });
  const turned = table('yx.csv', 'y,x,class', (i) => `${i % 3},${i % 7}`);
  await expect(trainToEnd({ data: turned, spec, init: at('xy'), out: at('yx') })).rejects.toThrow(
    /takes columns x, y, but the data have y, x/,
  );
  const notes: string[] = [];
  const data = table('xz.csv', 'x,z,class', (i) => `${i % 7},${i % 3}`);
  for await (const event of train({ data, spec, init: at('xy'), out: at('xz') }))
    if (event.type === 'notice') notes.push(event.text);
  expect(notes.join()).toContain('was trained on other columns: x, y');
});

describe.each(objectives)('%s', (name, more) => {
  const first = toySpec({ epochs: 3, ...more });
  const run = at(name.replace(/\W+/g, '-'));

  it('begins where the model ended, and keeps frozen layers', async () => {
    const begun = await trainToEnd({ spec: first, out: run }, dataset);
    const spec = toySpec({ ...more, epochs: 6, splits: 6, freeze: [1, 2], learningRate: 0.01 });
    const tuned = `${run}-tuned`;
    const result = await trainToEnd({ spec, init: run, out: tuned }, dataset);
    expect(result.spec.init).toBe(begun.modelDigest);
    expect(result.testAccuracy).toBeGreaterThan(0.8);
    const [before, after] = [tensorsOf(path.basename(run)), tensorsOf(path.basename(tuned))];
    for (const [tensor, values] of before) {
      const frozen = /^layer[12]\./.test(tensor);
      // A bias that stays 0, and what bf16 rounds on the wire, say nothing.
      if (frozen && more.wire !== 'bf16') expect(after.get(tensor), tensor).toBe(values);
      if (tensor === 'layer3.weight' || tensor === 'layer3.filters') expect(after.get(tensor)).not.toBe(values);
    }

    // The same in every schedule, and after a kill in the middle.
    for (const how of [
      { nodes: 3, variant: 'all-layers' },
      { nodes: 3, variant: 'single-layer' },
    ] as const)
      expect(await digestOf({ spec, init: run, ...how })).toBe(result.modelDigest);
    const stop = new AbortController();
    const killed = `${run}-killed`;
    const running = (async () => {
      for await (const event of train({ spec, init: run, out: killed, nodes: 2, signal: stop.signal }, dataset))
        if (event.type === 'task-finished' && event.task.chapter === 2) stop.abort(new Error('stop'));
    })();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    // It has what it began with in its folder, and begins again without the model, if it must.
    rmSync(path.join(killed, 'checkpoint', 'c0.l0.state'), { force: true });
    expect(await digestOf({ resume: killed })).toBe(result.modelDigest);
    // Other weights are another run.
    expect(await digestOf({ spec: { ...spec, init: '' } })).not.toBe(result.modelDigest);
  });
});

it('baselines begin with a model, too', async () => {
  const spec = toySpec({ epochs: 2, objective: 'backprop' });
  const begun = await digestOf({ spec, out: at('backprop') });
  const options = { spec, init: at('backprop') };
  expect(await digestOf(options)).not.toBe(begun);
  expect(await digestOf(options)).toBe(await digestOf(options));
});

it('a head that the model does not have begins anew, and is told', async () => {
  await trainToEnd({ spec: toySpec({ epochs: 2, objective: 'pred' }), out: at('pred') }, dataset);
  const { tensors } = modelOf('pred');
  const file = at('headless.safetensors');
  const layers = tensors.filter(({ name }) => !name.includes('.head.'));
  writeFileSync(
    file,
    encodeSafetensors({ tensors: [...layers, { name: 'more', shape: [1], values: Float32Array.of(1) }], metadata: {} }),
  );
  const notices: string[] = [];
  const see = (event: RunEvent): void => {
    if (event.type === 'notice') notices.push(event.text);
  };
  for await (const event of train({ spec: toySpec({ objective: 'pred' }), init: file }, dataset)) see(event);
  expect(notices).toEqual([
    `of the model ${file} are not used: more`,
    `the model ${file} has no layer1.head, layer2.head, layer3.head: they begin anew`,
  ]);
});

it('an objective without a bias in its head takes none of a model', async () => {
  await trainToEnd({ spec: toySpec({ epochs: 2, objective: 'pred' }), out: at('biased') }, dataset);
  const notices: string[] = [];
  const out = at('unbiased');
  const see = (event: RunEvent): void => {
    if (event.type === 'notice') notices.push(event.text);
  };
  const options = { spec: toySpec({ epochs: 1, objective: 'mono-forward' }), init: at('biased'), out };
  for await (const event of train(options, dataset)) see(event);
  expect(notices).toEqual([
    `of the model ${at('biased')} are not used: layer1.head.bias, layer2.head.bias, layer3.head.bias`,
  ]);
  const biases = modelOf('unbiased').tensors.filter(({ name }) => name.endsWith('.head.bias'));
  expect(biases.map(({ values }) => values.every((value) => value === 0))).toEqual([true, true, true]);
});

describe('what does not fit is refused', () => {
  it('other layers, a damaged file, another model than the spec says, none, a resumed run', async () => {
    const run = at('fits');
    await trainToEnd({ spec: toySpec({ epochs: 2 }), out: run }, dataset);
    expect(await refusal({ spec: toySpec({ layers: [36, 24, 10, 16] }), init: run })).toBe(
      `the model ${run} does not fit the network: layer2.weight must be [24, 10], but is [24, 20]; layer2.bias must be [10], but is [20]; layer3.weight must be [10, 16], but is [20, 16]`,
    );
    expect(await refusal({ spec: toySpec(), init: at('nowhere') })).toMatch(/^cannot read .*nowhere/);
    const other = '0'.repeat(64);
    expect(await refusal({ spec: toySpec({ init: other }), init: run })).toMatch(
      /^the spec begins with the model of digest 0{16}, but .*fits has [0-9a-f]{16}$/,
    );
    expect(await refusal({ spec: toySpec({ init: other }) })).toMatch(/^the spec begins with .* which was not given$/);
    expect(await refusal({ resume: run, init: run })).toMatch(/^a resumed run goes on with its own layers/);
    const file = path.join(run, 'model.safetensors');
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 2) ^ 1, bytes.length - 2);
    writeFileSync(file, bytes);
    expect(await refusal({ spec: toySpec(), init: run })).toMatch(/is damaged: the digest of its weights/);
  });

  it.each<[PartialSpec, string]>([
    [{ freeze: [4] }, 'freeze has layer 4, but there are 3'],
    [{ freeze: [1, 2, 3] }, 'freeze has all layers, and nothing is left to train'],
    [
      { freeze: [1], objective: 'backprop' },
      'freeze is of layers that learn by themselves, but the objective is backprop',
    ],
    [{ freeze: [2, 1] }, 'freeze: must be from small to large'],
  ])('%j', (more, message) => {
    expect(() => toySpec(more)).toThrow(message);
  });

  it('dff with frozen layers', async () => {
    const spec = toySpec({ negatives: 'random', freeze: [1] });
    expect(await refusal({ spec, variant: 'dff' })).toBe('variant dff trains all layers, but some are frozen');
  });
});

const fleet = new Fleet();
afterEach(() => fleet.end());

it('nodes of a cluster with the model give the same bits; without it, or with another one, they are refused', async () => {
  const sizes = { layers: [784, 32, 24], trainSamples: 800, testSamples: 100, seed: 3 };
  const run = at('mnist');
  await trainToEnd({ spec: { ...sizes, epochs: 1 }, out: run });
  await trainToEnd({ spec: { ...sizes, epochs: 1, seed: 4 }, out: at('mnist-4') });
  const spec = { ...sizes, epochs: 3, freeze: [1] };
  const { modelDigest } = await trainToEnd({ spec, init: run });
  const server = await fleet.server();
  const flags = '--layers 784,32,24 --train-samples 800 --test-samples 100 --seed 3 --epochs 3 --freeze 1'.split(' ');
  const training = fleet.pff(
    'train',
    ...flags,
    '--init',
    run,
    '--server',
    server.url,
    '--nodes',
    '2',
    '--run',
    'tune',
    '--out',
    at('tuned'),
  );
  const without = fleet.node(server, '--run', 'tune');
  const withOther = fleet.node(server, '--run', 'tune', '--init', at('mnist-4'));
  expect(await without.exited, training.text).toBe(1);
  expect(without.text).toMatch(
    /refused: run tune begins with the model of digest [0-9a-f]{16}, which is not here\. Give it .* --init/,
  );
  expect(await withOther.exited).toBe(1);
  expect(withOther.text).toMatch(/refused: the spec begins with the model of digest/);
  fleet.node(server, '--init', run);
  fleet.node(server, '--init', run);
  expect(await training.exited, training.text).toBe(0);
  expect(training.text).toContain(modelDigest.slice(0, 12));
});
