/** Lists of runs: what is finished, what is not, and what cannot be read. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { localRun, localRuns } from '../../src/run/list-runs.js';
import { trainToEnd } from '../../src/run/train.js';
import { pff } from '../cli/helpers.js';
import { asNobody } from '../helpers/not-root.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

let folder = '';
const run = (name: string): string => path.join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-list-'));
  for (const name of ['a', 'b']) await trainToEnd({ spec: toySpec(), out: run(name) }, toyDataset());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('a finished run that is gone on with is not finished until it is again', () => {
  expect(localRun(run('a')).state).toBe('finished');
  const file = path.join(run('a'), 'spec.json');
  const text = readFileSync(file, 'utf8');
  const spec = JSON.parse(text) as { epochs: number; splits: number };
  writeFileSync(file, JSON.stringify({ ...spec, epochs: 2 * spec.epochs, splits: 2 * spec.splits }));
  const { state, result } = localRun(run('a'));
  expect([state, result]).toEqual(['not finished', undefined]);
  writeFileSync(file, text);
});

it('a result of many classes, whose confusions are pairs, is one', () => {
  const file = path.join(run('a'), 'result.json');
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    JSON.stringify({ ...(JSON.parse(text) as object), confusion: { classes: 300, pairs: [[0, 299, 4]] } }),
  );
  expect(localRun(run('a')).state).toBe('finished');
  writeFileSync(file, text);
});

it.each(['{}', '{"testAccuracy": 0.5, "modelDi', '3'])('a result of %s is that of a damaged run', async (text) => {
  writeFileSync(path.join(run('b'), 'result.json'), text);
  const names = localRuns(folder).map(({ name, state }) => [name, state]);
  expect(names).toEqual([
    ['a', 'finished'],
    ['b', 'damaged'],
  ]);
  const listed = await pff(['list', '.'], folder);
  expect([listed.code, listed.stdout]).toEqual([0, expect.stringMatching(/^b .* damaged/m)]);
  const compared = await pff(['compare', 'a', 'b'], folder);
  expect([compared.code, compared.stdout]).toEqual([0, expect.stringMatching(/^accuracy .* damaged$/m)]);
});

it('a folder that may not be read keeps no run from being listed', async () => {
  mkdirSync(run('private'));
  chmodSync(folder, 0o755);
  chmodSync(run('private'), 0);
  expect(await asNobody(() => localRuns(folder).map(({ name }) => name))).toEqual(['a', 'b']);
  chmodSync(run('private'), 0o700);
});
