/** What is said of a wrong file, name or folder is what is wrong with it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { checkDatasetName } from '../../src/data/sources/load.js';
import { datasetFromCsv } from '../../src/data/sources/csv.js';
import { servePage } from '../../src/page/serve.js';
import { importModel } from '../../src/run/export.js';
import { evaluateRun } from '../../src/run/evaluate-run.js';
import { ownFolder } from './helpers.js';

async function said(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'nothing';
  } catch (error) {
    return error instanceof PffError ? `${error.message} | ${error.hint}` : String(error);
  }
}

it('a file that is no model is not called a damaged one, and one that is not there no run folder', async () => {
  const folder = ownFolder();
  const file = (name: string): string => path.join(folder, name);
  const out = file('out');
  writeFileSync(file('model.onnx'), Uint8Array.of(8, 9, 18, 3, 112, 102, 102, 26, 5));
  writeFileSync(file('digit.png'), Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0));
  writeFileSync(file('cut.safetensors'), Uint8Array.of(1, 2, 3));
  const onnx = /model\.onnx is an ONNX model, which pff writes but does not read: models are safetensors or NPZ \|/;
  expect(await said(() => importModel(file('model.onnx'), { out }))).toMatch(onnx);
  expect(await said(() => evaluateRun(file('model.onnx')))).toMatch(onnx);
  expect(await said(() => evaluateRun(file('digit.png')))).toMatch(/digit\.png is no model/);
  expect(await said(() => importModel(file('cut.safetensors'), { out }))).toMatch(/not a usable safetensors file/);
  expect(await said(() => importModel(file('nope.npz'), { out }))).toMatch(
    /cannot read \S+nope\.npz: ENOENT.* \| Give a model file: safetensors or NPZ\.$/,
  );
});

it('a name is only suggested where it is near', async () => {
  expect(await said(() => checkDatasetName('nope'))).toMatch(/^unknown dataset "nope" \| Known are mnist,/);
  expect(await said(() => checkDatasetName('mnits'))).toMatch(/Did you mean mnist\?/);
});

it('a table with semicolons is read, and one column is said to be one', async () => {
  expect(datasetFromCsv('a;b;class\n1;2;cat\n2;1;dog\n1;1;cat\n2;2;dog\n', { testShare: 0.5 }).classes).toEqual([
    'cat',
    'dog',
  ]);
  expect(await said(() => datasetFromCsv('a^class\n1^cat\n2^dog\n'))).toMatch(/has one column only/);
});

it('a folder without an event log is not waited for', async () => {
  const folder = ownFolder();
  expect(await said(() => servePage({ folder }))).toMatch(
    /has no events\.jsonl to show \| Give the folder that pff train made/,
  );
  writeFileSync(path.join(folder, 'model.safetensors'), 'x');
  expect(await said(() => servePage({ folder }))).toMatch(
    /its model was imported or fetched, not trained there \| pff eval/,
  );
  mkdirSync(path.join(folder, 'run'));
  const page = await servePage({ folder: path.join(folder, 'run'), awaited: true });
  await page.close();
});
