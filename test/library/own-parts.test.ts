/** A user's own objective, negatives and schedule: by name, in every thread, with the same bits everywhere. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { registerObjective } from '../../src/model/own-parts.js';
import { decodeModel } from '../../src/model/model-file.js';
import { readRunFile } from '../../src/run/folder.js';
import { train, trainToEnd } from '../../src/run/train.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const plugin = fileURLToPath(new URL('my-plugin.mjs', import.meta.url));
const dataset = toyDataset();
const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-own-'));
afterAll(() => rmSync(folder, { recursive: true }));
const own = {
  objective: 'my-loss',
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
    expect((await trainToEnd({ resume: out }, dataset)).modelDigest).toBe(one.modelDigest);
    // A model is read without its plugin.
    expect(decodeModel(readRunFile(path.join(out, 'model.safetensors'))).spec).toMatchObject(own);
  });

  it('each of them changes the bits', async () => {
    const digests = new Set<string>();
    for (const change of [{}, { objective: 'symba' }, { negatives: 'random' }, { schedule: 'cooldown' }])
      digests.add((await trainToEnd({ spec: { ...spec, ...change }, plugins: [plugin] }, dataset)).modelDigest);
    expect(digests.size).toBe(4);
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
    [{ spec, plugins: ['nowhere.mjs'] }, /^plugin nowhere.mjs cannot be loaded/],
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
