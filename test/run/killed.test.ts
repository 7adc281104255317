/** Runs in a new phase, and runs that begin with a model: killed by SIGKILL in the middle and gone on with, they have the same bits. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunResult } from '../../src/run/events.js';
import { RandomStream } from '../../src/random.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-killed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const PROGRAM = fileURLToPath(new URL('../../bin/pff.js', import.meta.url));
const DATA = ['--data', 'table.csv', '--layers', 'auto,96,96,96'];

/** `pff train`, killed once the log of run `out` has that many more finished tasks. @returns whether it was killed */
function trained(out: string, args: readonly string[], killAfter = Infinity): Promise<boolean> {
  const child = spawn(process.execPath, [PROGRAM, 'train', ...args, '--quiet'], { cwd: folder, stdio: 'ignore' });
  const log = path.join(folder, out, 'events.jsonl');
  const tasks = (): number =>
    existsSync(log) ? readFileSync(log, 'utf8').split('"type":"task-finished"').length - 1 : 0;
  const before = tasks();
  const watching = setInterval(() => {
    if (tasks() - before >= killAfter) child.kill('SIGKILL');
  }, 5);
  return new Promise((resolve) => {
    child.on('close', (_, signal) => {
      clearInterval(watching);
      resolve(signal === 'SIGKILL');
    });
  });
}

const resultOf = (out: string): RunResult =>
  JSON.parse(readFileSync(path.join(folder, out, 'result.json'), 'utf8')) as RunResult;

beforeAll(async () => {
  const stream = new RandomStream(3, 'test', 1);
  const rows = Array.from({ length: 600 }, () => {
    const [x, y] = [stream.uniform() - 0.5, stream.uniform() - 0.5];
    return `${x},${y},${x * y > 0 ? 'same' : 'other'}`;
  });
  writeFileSync(path.join(folder, 'table.csv'), ['x,y,class', ...rows].join('\n'));
  await trained('base', [...DATA, '--epochs', '40', '--splits', '4', '--out', 'base']);
});

it('a new phase', async () => {
  const whole = [...DATA, '--epochs', '300', '--splits', '30', '--phases', '40'];
  await trained('whole', [...whole, '--out', 'whole', '--nodes', '3', '--variant', 'all-layers']);
  cpSync(path.join(folder, 'base'), path.join(folder, 'longer'), { recursive: true });
  rmSync(path.join(folder, 'longer', 'result.json'));
  expect(await trained('longer', ['--resume', 'longer', '--epochs', '300', '--splits', '30'], 12)).toBe(true);
  expect(existsSync(path.join(folder, 'longer', 'result.json'))).toBe(false);
  await trained('longer', ['--resume', 'longer']);
  const { modelDigest, spec } = resultOf('longer');
  expect([modelDigest, spec.phases]).toEqual([resultOf('whole').modelDigest, [40]]);
});

it('a model with a frozen layer', async () => {
  const tuned = [...DATA, '--epochs', '300', '--splits', '30', '--init', 'base', '--freeze', '1'];
  await trained('tuned', [...tuned, '--out', 'tuned']);
  expect(await trained('shot', [...tuned, '--out', 'shot', '--nodes', '3', '--variant', 'all-layers'], 12)).toBe(true);
  expect(existsSync(path.join(folder, 'shot', 'result.json'))).toBe(false);
  await trained('shot', ['--resume', 'shot']);
  expect(resultOf('shot').modelDigest).toBe(resultOf('tuned').modelDigest);
  expect(resultOf('tuned').spec.init).toBe(resultOf('base').modelDigest);
});
