/** What cluster commands leave on this machine: nothing where nothing was submitted or fetched, else a folder that says whose it is. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { resolveSpec } from '../../src/spec/spec.js';
import { Fleet, follow } from './fleet.js';

const fleet = new Fleet();
afterEach(() => fleet.end());

const flags = '--layers 784,24,20 --train-samples 400 --test-samples 100 --epochs 2'.split(' ');

function ownFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-left-'));
  fleet.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

it('a submission that the server refuses leaves nothing', async () => {
  const may = '"$JS.API.INFO", "$JS.API.STREAM.INFO.>", "$JS.API.DIRECT.GET.>"';
  const permissions = `{ publish: [${may}], subscribe: ["_INBOX.>"] }`;
  const at = await fleet.server(`authorization { users = [{ user: me, password: p, permissions ${permissions} }] }`);
  const server = at.url.replace('//', '//me:p@');
  const folder = ownFolder();
  const [out, empty] = [path.join(folder, 'out'), path.join(folder, 'empty')];
  mkdirSync(empty);
  for (const each of [out, empty]) {
    const train = fleet.pff('train', ...flags, '--server', server, '--out', each);
    expect(await train.exited, train.text).toBe(1);
    expect(train.text).toContain('this user may not use');
  }
  expect(existsSync(out)).toBe(false);
  expect(readdirSync(empty)).toEqual([]);
});

it("a cluster run's folder says how the run is followed, not that it be removed", async () => {
  const at = await fleet.server();
  const out = path.join(ownFolder(), 'out');
  const train = fleet.pff('train', ...flags, '--server', at.url, '--run', 'W1', '--out', out);
  await expect.poll(() => train.text, { timeout: 20_000 }).toContain('submitted run W1');
  train.child.kill('SIGINT');
  expect(await train.exited).toBe(130);
  const resume = fleet.pff('train', '--resume', out);
  expect(await resume.exited).toBe(1);
  expect(resume.text).toContain('it is run W1 of a cluster');
  expect(resume.text).toContain(`pff attach W1 --server ${at.url}`);
  expect(resume.text).not.toContain('remove');
});

it('a model that does not fit on the disk leaves nothing', async (context) => {
  const disk = ownFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40k', 'tmpfs', disk], { stdio: 'pipe' });
  } catch (error) {
    context.skip(`a small file system could not be mounted (that takes root): ${String(error)}`);
  }
  fleet.atEnd(() => void execFileSync('umount', [disk]));
  const at = await fleet.server();
  fleet.node(at);
  const spec = resolveSpec({ layers: [784, 24, 20], trainSamples: 400, testSamples: 100, epochs: 2 });
  await follow({ server: at.url }, {}, { spec });
  const fetched = fleet.pff('fetch', 'test', '--server', at.url, '--out', path.join(disk, 'f'));
  expect(await fetched.exited, fetched.text).toBe(1);
  expect(fetched.text).toContain('The disk is full');
  expect(readdirSync(disk)).toEqual([]);
});
