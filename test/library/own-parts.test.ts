/**
 * A user's own objective, negatives and schedule: by name, in every thread, with the same bits everywhere.
 * Own process: it registers parts.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { parseSweep, runSweep } from '../../src/reproduce/sweep.js';
import type { OwnGoodness } from '../../src/objectives/goodness.js';
import { ownParts, registerGoodness, registerObjective, registerSchedule } from '../../src/spec/own-parts.js';
import { decodeModel } from '../../src/model/model-file.js';
import { decodeSafetensors, encodeSafetensors } from '../../src/formats/safetensors.js';
import { exportModel, importModel } from '../../src/run/export.js';
import { readRunFile } from '../../src/run/folder.js';
import { train, trainToEnd } from '../../src/run/train.js';
import { registerStore } from '../../src/store/own-store.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const plugin = fileURLToPath(new URL('my-plugin.mjs', import.meta.url));
const dataset = toyDataset();
const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-own-'));
afterAll(() => rmSync(folder, { recursive: true }));
const own = {
  objective: 'my-loss',
  goodness: 'activity',
  negatives: 'shifted',
  schedule: 'staircase',
  steepness: 2,
  learningRate: 0.02,
  epochs: 24,
};
const { dataset: name, layers, batch, seed } = toySpec();
const spec = { dataset: name, layers, batch, seed, ...own };

describe('own parts', () => {
  it('train, with the same bits in worker threads and after a resume', async () => {
    const one = await trainToEnd({ spec, plugins: [plugin] }, dataset);
    expect(one.testAccuracy).toBeGreaterThan(0.8);
    const two = await trainToEnd({ spec, plugins: [plugin], nodes: 2, threadsPerNode: 1 }, dataset);
    expect(two.modelDigest).toBe(one.modelDigest);

    const out = path.join(folder, 'run');
    const stop = new AbortController();
    const running = (async () => {
      for await (const event of train({ spec, plugins: [plugin], nodes: 2, out, signal: stop.signal }, dataset))
        if (event.type === 'task-finished' && event.task.chapter === 3) stop.abort(new Error('stop'));
    })();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    expect((await trainToEnd({ resume: out, plugins: [plugin] }, dataset)).modelDigest).toBe(one.modelDigest);
    // A model is read without its plugin.
    expect(decodeModel(readRunFile(path.join(out, 'model.safetensors'))).spec).toMatchObject(own);
  });

  it('that have changed since a run began are not gone on with', async () => {
    const out = path.join(folder, 'changed');
    registerSchedule('sinking', (progress) => 1 - progress);
    const stop = new AbortController();
    const running = (async () => {
      for await (const event of train({ spec: toySpec({ schedule: 'sinking' }), out, signal: stop.signal }, dataset))
        if (event.type === 'task-finished') stop.abort(new Error('stop'));
    })();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    registerSchedule('sinking', (progress) => 1 - progress * progress);
    await expect(trainToEnd({ resume: out }, dataset)).rejects.toMatchObject({
      code: 'usage',
      message: `${out} cannot be resumed: its schedule sinking, of a plugin, has changed since it began`,
    });
    // A note of an earlier version does not say what the part was.
    const file = path.join(out, 'checkpoint', 'run.json');
    const {
      format,
      digest: _,
      ownParts: __,
      ...note
    } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const digest = createHash('sha256').update(JSON.stringify(note)).digest('hex');
    writeFileSync(file, JSON.stringify({ format, digest, ...note }));
    expect((await trainToEnd({ resume: out }, dataset)).epochs).toBe(4);
  });

  it('a schedule that counts epochs has those of its phase: a run that goes on keeps its past', async () => {
    registerSchedule('by-epochs', (progress, { epochs, splits }) => 1 / (1 + progress * epochs + 0.1 * splits));
    const counted = toySpec({ schedule: 'by-epochs', epochs: 4, splits: 2 });
    const out = path.join(folder, 'phases');
    await trainToEnd({ spec: counted, out }, dataset);
    const longer = { ...counted, epochs: 6, splits: 3, phases: [4] };
    const whole = await trainToEnd({ spec: longer }, dataset);
    expect((await trainToEnd({ resume: out, spec: { epochs: 6 } }, dataset)).modelDigest).toBe(whole.modelDigest);
  });

  it('of one name in two files are refused', async () => {
    const files = [1, 2].map((steepness) => `data:text/javascript,export default{schedules:{twice:()=>${steepness}}}`);
    await expect(trainToEnd({ spec, plugins: [plugin, ...files] }, dataset)).rejects.toThrow(
      /^plugins data:.* and data:.* both have schedules: { twice }$/,
    );
  });

  it('that have changed since a sweep trained are trained with anew', async () => {
    const table = path.join(folder, 'table.csv');
    writeFileSync(table, ['x,class', ...Array.from({ length: 40 }, (_, i) => `${i % 4},${i % 4 > 1}`)].join('\n'));
    const out = path.join(folder, 'swept');
    const swept = async (): Promise<number> => {
      for await (const _ of runSweep(
        parseSweep({ spec: { layers: [0, 4, 4], epochs: 1, schedule: 'rising' }, data: table }, 'it'),
        { out },
      ));
      return readdirSync(out).filter((each) => each.startsWith('trial-')).length;
    };
    registerSchedule('rising', (progress) => progress);
    expect([await swept(), await swept()]).toEqual([1, 1]);
    registerSchedule('rising', (progress) => progress / 2);
    expect(await swept()).toBe(2);
  });

  it('a store: the same bits, nothing left that nobody needs, and a run in it can be resumed', async () => {
    const usual = await trainToEnd({ spec, plugins: [plugin] }, dataset);
    const stored = { spec, plugins: [plugin], nodes: 2, threadsPerNode: 1, store: 'folder' };
    const out = path.join(folder, 'stored');
    expect((await trainToEnd({ ...stored, out }, dataset)).modelDigest).toBe(usual.modelDigest);
    expect(readdirSync(`${out}.kept`).sort()).toEqual(['c23.l0', 'c23.l1', 'c23.l2', 'closed']);

    const stopped = path.join(folder, 'stopped');
    const stop = new AbortController();
    const running = (async () => {
      for await (const event of train({ ...stored, out: stopped, signal: stop.signal }, dataset))
        if (event.type === 'task-finished' && event.task.chapter === 3) stop.abort(new Error('stop'));
    })();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    // The model that an interrupted run saves comes out of the store.
    expect(decodeModel(readRunFile(path.join(stopped, 'model.safetensors'))).metadata).toHaveProperty(
      'interruptedAfterChapters',
    );
    rmSync(`${stopped}.kept`, { recursive: true });
    expect((await trainToEnd({ resume: stopped, plugins: [plugin] }, dataset)).modelDigest).toBe(usual.modelDigest);
    expect(readdirSync(`${stopped}.kept`).sort()).toEqual(['c23.l0', 'c23.l1', 'c23.l2', 'closed']);
    // It may go on elsewhere.
    const options = { resume: stopped, plugins: [plugin], store: 'memory', spec: { testSamples: 10 } };
    expect((await trainToEnd(options, dataset)).modelDigest).toBe(usual.modelDigest);
  });

  it('a store that is given as it is, and stores that cannot be', async () => {
    const kept = new Map<string, Uint8Array>();
    const store = {
      put: (key: string, bytes: Uint8Array) => Promise.resolve(void kept.set(key, bytes)),
      get: (key: string) => Promise.resolve(kept.get(key)),
    };
    const usual = await trainToEnd({ spec, plugins: [plugin] }, dataset);
    expect((await trainToEnd({ spec, plugins: [plugin], store }, dataset)).modelDigest).toBe(usual.modelDigest);
    // Without delete, all chapters stay.
    expect(kept.size).toBe(24 * 3);

    const out = path.join(folder, 'nowhere');
    const options = { spec, plugins: [plugin], out };
    await expect(trainToEnd({ ...options, store: 'nowhere' }, dataset)).rejects.toThrow(
      'there is no store nowhere; there are: memory, folder, broken',
    );
    expect(existsSync(out)).toBe(false);
    await expect(trainToEnd({ ...options, store: 'broken' }, dataset)).rejects.toThrow(
      'store broken: opening it failed: the door is locked',
    );
    const forgetful = { ...store, get: () => Promise.resolve(undefined) };
    await expect(trainToEnd({ spec, plugins: [plugin], nodes: 2, store: forgetful }, dataset)).rejects.toThrow(
      /the store of your own has no bytes of/,
    );
    const backprop = { dataset: name, layers, batch, seed, objective: 'backprop' } as const;
    await expect(trainToEnd({ spec: backprop, store }, dataset)).rejects.toThrow(/publish nothing/);
    expect(() => registerStore('memory', () => store)).toThrow(/cannot be the name of an own store/);
  });

  it('a goodness predicts as it trained, also with negatives that it predicts', async () => {
    const goodness = { dataset: name, layers, batch, seed, goodness: 'activity', negatives: 'adaptive', epochs: 12 };
    const options = { spec: { ...goodness, steepness: 5 }, plugins: [plugin], out: path.join(folder, 'goodness') };
    const { testAccuracy } = await trainToEnd(options, dataset);
    expect(testAccuracy).toBeGreaterThan(0.85);
    await expect(exportModel(options.out, { to: 'onnx' })).rejects.toThrow(
      'goodness activity is a function of a plugin',
    );
  });

  it('that trained a model, but do not predict, need not be here when it is imported', async () => {
    const run = path.join(folder, 'read');
    const { modelDigest } = await trainToEnd({ spec: toySpec(), out: run }, dataset);
    // The same layers as if parts had trained them that nothing has registered here.
    const { tensors, metadata } = decodeSafetensors(readFileSync(path.join(run, 'model.safetensors')));
    const asRead = (more: object): string => {
      const { spec: text = '', classes = '' } = metadata;
      const file = path.join(folder, `${Object.keys(more).join('-')}.safetensors`);
      const named = JSON.stringify({ ...(JSON.parse(text) as object), ...more });
      writeFileSync(file, encodeSafetensors({ tensors, metadata: { spec: named, classes } }));
      return file;
    };
    const trained = asRead({ objective: 'elsewhere', negatives: 'elsewhere', schedule: 'elsewhere' });
    const out = path.join(folder, 'imported');
    expect(await importModel(trained, { out })).toMatchObject({ modelDigest });
    await expect(importModel(asRead({ goodness: 'elsewhere' }), { out: `${out}-2` })).rejects.toThrow(
      /has the goodness elsewhere, which is of a plugin that is not loaded/,
    );
    // What a user names must be known.
    await expect(importModel(trained, { out: `${out}-3`, spec: { schedule: 'elswhere' } })).rejects.toThrow(
      /must be one of/,
    );
  });

  it('what a part keeps and counts does not make it another one, nor does it have to be JSON', () => {
    const counting: OwnGoodness & Record<string, unknown> = {
      calls: 0,
      large: 2n,
      of(row) {
        (counting['calls'] as number)++;
        return row[0] as number;
      },
      gradient() {},
    };
    counting['itself'] = counting;
    registerGoodness('counting', counting);
    const named = { objective: 'goodness', goodness: 'counting', negatives: 'random', schedule: 'constant' };
    const before = ownParts(named);
    expect(before.map((each) => each.name)).toEqual(['counting']);
    counting.of(Float32Array.of(1));
    expect(ownParts(named)).toEqual(before);
  });

  it('each of them changes the bits', async () => {
    const digests = new Set<string>();
    for (const change of [
      {},
      { objective: 'symba' },
      { goodness: 'mean' },
      { negatives: 'random' },
      { schedule: 'cooldown' },
    ])
      digests.add((await trainToEnd({ spec: { ...spec, ...change }, plugins: [plugin] }, dataset)).modelDigest);
    expect(digests.size).toBe(5);
  });

  it.each([
    [
      { spec: { ...spec, objective: 'my-los' }, plugins: [plugin] },
      /^objective must be one of .*, my-loss, but is my-los$/,
    ],
    [
      { spec: { ...spec, negatives: 'right-class' }, plugins: [plugin] },
      /^negatives right-class gave sample 0 of label (\d) the label \1$/,
    ],
    [{ spec, plugins: ['nowhere.mjs'] }, /^plugin nowhere.mjs cannot be loaded: there is no such file$/],
    [{ spec, plugins: ['data:text/javascript,}'] }, /^plugin data:\S+ cannot be loaded: /],
    [
      { spec, plugins: ['data:text/javascript,export default { goodness: {} }'] },
      /^a plugin has goodness, which is nothing that it can have$/,
    ],
    [
      { spec, plugins: ['data:text/javascript,export default { stores: { disk: {} } }'] },
      /^store disk must be a function that opens it, but is an object$/,
    ],
    [
      {
        spec: { dataset: name, layers, batch, seed },
        plugins: ['data:text/javascript,export default { stores: { empty: () => ({}) } }'],
        store: 'empty',
      },
      /^store empty has no functions put and get$/,
    ],
  ])('wrong use is refused: %#', async (options, message) => {
    await expect(trainToEnd(options, dataset)).rejects.toThrow(message);
  });

  it('that only the main thread has are missed by worker threads, and names of ours cannot be taken', async () => {
    registerObjective('only-here', () => ({ evaluate: () => 0 }));
    const lonely = { spec: { ...spec, objective: 'only-here' }, nodes: 2, plugins: [plugin] };
    await expect(trainToEnd(lonely, dataset)).rejects.toThrow('objective only-here is not registered in this thread');
    expect(() => registerObjective('goodness', () => ({ evaluate: () => 0 }))).toThrow(/cannot be the name/);
  });
});
