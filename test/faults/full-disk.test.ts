/** A disk that fills up: training goes on, says so, and the run can be resumed once there is room, to the same bits. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fillDisk } from '../helpers/fill-disk.js';
import { leftovers, toyRun } from './toy-run.js';

let folder = '';
let noMount = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    noMount = `a small file system could not be mounted (that takes root): ${String(error)}`;
  }
});
afterAll(() => {
  if (noMount === '') execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
});

it('a full disk', async (context) => {
  if (noMount !== '') context.skip(noMount);
  const options = { spec: { dataset: 'toy', layers: [36, 32, 24, 16], batch: 8, epochs: 24, seed: 3 } };
  const whole = await toyRun(options);
  const run = path.join(folder, 'run');
  await toyRun({ ...options, out: run }, whole.ms / 3);
  fillDisk(path.join(folder, 'other'));

  const full = await toyRun({ resume: run });
  expect(full.digest).toBeUndefined();
  const failed = full.lines.find((line) => line.startsWith('failed'));
  expect(failed).toMatch(/^failed files cannot write .* no space left on device/);

  unlinkSync(path.join(folder, 'other'));
  const resumed = await toyRun({ resume: run });
  expect(resumed.digest).toBe(whole.digest);
  expect(leftovers(run)).toEqual([]);
});

it('a disk that fills up while the run goes on', async (context) => {
  if (noMount !== '') context.skip(noMount);
  const options = { spec: { dataset: 'toy', layers: [36, 32, 24, 16], batch: 8, epochs: 24, seed: 3 } };
  const whole = await toyRun(options);
  const run = path.join(folder, 'second');
  // Less room than three chapters take.
  const room = path.join(folder, 'room');
  writeFileSync(room, new Uint8Array(60_000));
  fillDisk(path.join(folder, 'other'));
  unlinkSync(room);
  const full = await toyRun({ ...options, out: run });
  expect(full.lines.some((line) => line.startsWith('checkpoint-failed'))).toBe(true);
  unlinkSync(path.join(folder, 'other'));
  const resumed = await toyRun({ resume: run });
  expect(resumed.digest).toBe(whole.digest);
  expect(leftovers(run)).toEqual([]);
});
