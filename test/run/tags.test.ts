/** Tags and notes of runs: given at training or later, found again, and no part of what a run computes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { localRuns } from '../../src/run/list-runs.js';
import { changeTags, readTags } from '../../src/run/tags.js';
import { trainToEnd } from '../../src/run/train.js';
import { pff } from '../cli/helpers.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

let folder = '';
let digests: string[] = [];
const run = (name: string): string => path.join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-tags-'));
  const spec = { ...toySpec(), dataset: 'mnist' };
  const train = (name: string, more: object) =>
    trainToEnd({ spec, out: run(name), ...more }, { ...toyDataset(), name: 'mnist' });
  const results = [await train('a', {}), await train('b', { tags: ['paper', 'base line'], note: 'the first' })];
  digests = results.map(({ modelDigest }) => modelDigest);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('are kept beside the run, and change no digest', () => {
  expect(digests[1]).toBe(digests[0]);
  expect(readTags(run('b'))).toEqual({ tags: ['base line', 'paper'], note: 'the first' });
  expect(readTags(run('a'))).toEqual({ tags: [], note: '' });
  expect(readFileSync(path.join(run('a'), 'spec.json'))).toEqual(readFileSync(path.join(run('b'), 'spec.json')));
});

it('are changed by pff tag, listed and filtered by pff list', async () => {
  const tag = (...args: string[]) => pff(['tag', ...args], folder);
  expect((await tag('a', 'b', '--add', 'paper,quick', '--note', 'later')).stdout).toBe(
    'a: paper, quick\n  later\nb: base line, paper, quick\n  later\n',
  );
  expect((await tag('b', '--remove', 'paper,base line', '--no-note')).stdout).toBe('b: quick\n');
  expect(JSON.parse((await tag('b', '--json')).stdout)).toEqual([{ run: 'b', tags: ['quick'], note: '' }]);
  const names = async (...args: string[]): Promise<string[]> =>
    (JSON.parse((await pff(['list', '.', '--json', ...args], folder)).stdout) as { run: string }[]).map(
      (each) => each.run,
    );
  expect(await names('--tag', 'paper,quick')).toEqual(['a']);
  expect(await names('--tag', 'quick')).toEqual(['a', 'b']);
  expect(await names('--filter', 'LATER')).toEqual(['a']);
  expect((await pff(['list', '.'], folder)).stdout).toMatch(/digest +tags *\n.* paper, quick *\n.* quick *\n$/);
  expect((await pff(['compare', 'a', 'b'], folder)).stdout).toMatch(/tags +paper, quick +quick/);
});

it('are refused where they cannot be tags, and no run is changed then', async () => {
  expect((await pff(['tag', 'a', '--add', 'x\u001b[31m'], folder)).stderr).toContain('is no tag');
  const { code, stderr } = await pff(['tag', 'a', 'nowhere', '--add', 'x'], folder);
  expect([code, stderr, readTags(run('a')).tags]).toEqual([
    1,
    expect.stringContaining('nowhere is no run folder'),
    ['paper', 'quick'],
  ]);
  expect((await pff(['tag'], folder)).code).toBe(2);
  const given = { spec: { ...toySpec(), dataset: 'mnist' }, out: run('c'), tags: ['a,b'] };
  await expect(trainToEnd(given, { ...toyDataset(), name: 'mnist' })).rejects.toThrow('is no tag');
  expect(() => changeTags(run('a'), { add: Array.from({ length: 101 }, (_, i) => `t${i}`) })).toThrow('at most 100');
});

it('that cannot be read count as none, and keep no run from being listed', () => {
  writeFileSync(path.join(run('a'), 'tags.json'), '{"tags": ["\u0007"], "note": 3');
  expect(localRuns(folder).map(({ name, tags }) => [name, tags])).toEqual([
    ['a', []],
    ['b', ['quick']],
  ]);
  const before = readFileSync(path.join(run('a'), 'tags.json'), 'utf8');
  expect(() => changeTags(run('a'), { add: ['new'] })).toThrow(/tags\.json cannot be read/);
  expect(readFileSync(path.join(run('a'), 'tags.json'), 'utf8')).toBe(before);
});
