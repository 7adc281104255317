/** Data of one's own that have changed since a model was trained on them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { evaluateRun } from '../../src/run/evaluate-run.js';
import { datasetOfRun, trainedDataset } from '../../src/run/saved-model.js';
import { trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';

const spec: PartialSpec = {
  dataset: 'own',
  layers: [2, 8, 8],
  labelMode: 'append',
  epochs: 1,
  splits: 1,
  validationShare: 0.2,
};
let folder = '';
let [data, run] = ['', ''];
const ROWS = Array.from({ length: 60 }, (_, i) => [i % 7, (i * 5) % 11, i % 7 > 3 ? 'a' : 'b']);
const write = (rows: readonly (readonly (number | string)[])[], head = 'x,y,class'): void =>
  writeFileSync(data, [head, ...rows.map((row) => row.join())].join('\n'));
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-changed-'));
  [data, run] = [path.join(folder, 'table.csv'), path.join(folder, 'run')];
  write(ROWS);
  await trainToEnd({ spec, dataDir: data, out: run });
});
beforeEach(() => write(ROWS));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('that are the same are evaluated without a word', async () => {
  expect((await evaluateRun(run)).notes).toEqual([]);
  expect((await evaluateRun(run, { on: 'validation' })).samples).toBeGreaterThan(0);
});

it('whose evaluation is interrupted say so', async () => {
  await expect(evaluateRun(run, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'PffError',
    code: 'interrupted',
  });
});

it.each<[string, () => void, string]>([
  [
    'classes of other names',
    () => write(ROWS.map(([x, y, c]) => [x ?? 0, y ?? 0, c === 'a' ? 'c' : 'b'])),
    'its classes are b, c, and were a, b',
  ],
  [
    'a column in other units',
    () => write(ROWS.map(([x, y, c]) => [100 * Number(x), y ?? 0, c ?? ''])),
    'its columns or their scales are others',
  ],
  [
    'columns in another order',
    () =>
      write(
        ROWS.map(([x, y, c]) => [y ?? 0, x ?? 0, c ?? '']),
        'y,x,class',
      ),
    'its columns or their scales are others',
  ],
])('%s are refused', async (_, change, told) => {
  change();
  await expect(evaluateRun(run)).rejects.toThrow(told);
  await expect(evaluateRun(run, { on: 'validation' })).rejects.toThrow(told);
  await expect(datasetOfRun(run)).rejects.toThrow(told);
  // Taken as the model takes them they may be anything.
  expect((await evaluateRun(run, { data })).samples).toBe(60 - (told.includes('classes') ? 24 : 0));
});

it('other test rows are told of, but held-out rows must be the same', async () => {
  const { train, validation, test } = await datasetOfRun(run);
  expect([train.count, validation?.count, test.count]).toEqual([36, 12, 12]);
  // The rows that are tested on, all of them of one class: what is learned from the others is the same.
  const held = path.join(folder, 'held.csv');
  writeFileSync(held, 'x,y,class\n1,2,b\n2,3,b\n');
  const other = { dataDir: `${data}?test=${held}` };
  const out = path.join(folder, 'parts');
  await trainToEnd({ spec, ...other, out });
  writeFileSync(held, 'x,y,class\n1,2,b\n2,4,b\n');
  const told = expect.stringContaining(`is not the one that ${out} was trained on`) as string;
  expect((await evaluateRun(out)).notes).toEqual([told]);
  expect((await trainedDataset(out, undefined, {})).note).toEqual(told);
  await expect(evaluateRun(out, { on: 'validation' })).rejects.toThrow('its digest is');
});
