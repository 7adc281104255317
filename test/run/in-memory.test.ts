/** A run on data in memory says so, and is never measured on other data. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { datasetFromArrays } from '../../src/data/arrays.js';
import { nameInMemory } from '../../src/data/dataset-names.js';
import { loadDataset } from '../../src/data/sources/load.js';
import { evaluateRun } from '../../src/run/evaluate-run.js';
import { datasetOfRun } from '../../src/run/saved-model.js';
import { train, trainToEnd } from '../../src/run/train.js';
import type { PartialSpec, RunSpec } from '../../src/spec/spec.js';

const dataset = datasetFromArrays({
  name: 'corners',
  shape: { width: 2, height: 1, channels: 1 },
  train: {
    images: Uint8Array.from({ length: 80 }, (_, i) => (i * 37) % 256),
    labels: Array.from({ length: 40 }, (_, i) => i % 2),
  },
});
const spec: PartialSpec = { layers: [2, 8, 8], labelMode: 'append', epochs: 1 };
let [folder, run] = ['', ''];
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-in-memory-'));
  run = path.join(folder, 'run');
  await trainToEnd({ spec, out: run }, dataset);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('says so in its spec', async () => {
  const written = JSON.parse(readFileSync(path.join(run, 'spec.json'), 'utf8')) as RunSpec;
  expect(written.dataset).toBe('memory');
  const again = await trainToEnd({ spec: written }, dataset);
  expect(again.modelDigest).toBe((await trainToEnd({ spec: { ...spec, dataset: 'mnist' } }, dataset)).modelDigest);
});

it.each<[string, () => Promise<unknown>, string, string]>([
  ['evaluated', () => evaluateRun(run), 'was trained on a dataset in memory (corners)', '--data FILE'],
  ['asked for its samples', () => datasetOfRun(run), 'was trained on a dataset in memory (corners)', '--data FILE'],
  [
    'resumed',
    () => trainToEnd({ resume: run, spec: { epochs: 2 } }),
    'the run was begun on a dataset in memory',
    'train({ resume }, dataset)',
  ],
  [
    'begun again from its spec',
    () => trainToEnd({ spec: { ...spec, dataset: 'memory' } }),
    'the dataset is in memory',
    '--data FILE',
  ],
])('cannot be %s without the data', async (_, work, message, hint) => {
  await expect(work()).rejects.toMatchObject({
    code: 'data',
    message: expect.stringContaining(message),
    hint: expect.stringContaining(hint),
  });
});

it('goes on with the data', async () => {
  const events = train({ resume: run, spec: { epochs: 2 } }, dataset);
  const types: string[] = [];
  for await (const { type } of events) types.push(type);
  expect(types).toContain('finished');
});

it('has the name of a dataset that is loaded by it', () => {
  expect(nameInMemory({ name: 'mnist' })).toBe('mnist');
  expect(nameInMemory({ name: 'own' })).toBe('memory');
});

it('is no dataset to load', async () => {
  await expect(loadDataset({ dataset: 'memory' })).rejects.toMatchObject({ code: 'data' });
});
