/**
 * `pff doctor` as a user runs it, and the line by which `pff train` tells of a faster precision.
 * Own process: it changes its environment, and needs one without a GPU.
 */
import { expect, it } from 'vitest';
import { keepRates, ratesKey } from '../../src/doctor/rates-cache.js';
import { machineReportSchema } from '../../src/doctor/machine-report.js';
import { loadAddon } from '../../src/kernels/native/addon.js';
import { stepRates } from '../doctor/machine.js';
import { CONTROL, ownFolder, pff } from './helpers.js';

it('shows one screen, without control characters in a pipe', async () => {
  const folder = ownFolder();
  const { code, stdout, stderr } = await pff(['doctor'], folder, undefined, { PFF_CACHE_DIR: folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).not.toMatch(CONTROL);
  const lines = stdout.split('\n');
  expect(lines.length).toBeLessThan(50);
  for (const part of ['cpu', 'memory', 'kernels', 'nats-server', 'there is no GPU for webgpu', '--precision', 'f32'])
    expect(stdout).toContain(part);
});

it('prints one JSON object by --json', async () => {
  const folder = ownFolder();
  const { code, stdout, stderr } = await pff(['doctor', '--json'], folder, undefined, { PFF_CACHE_DIR: folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(machineReportSchema.safeParse(JSON.parse(stdout)).error).toBeUndefined();
});

it('takes no words', async () => {
  const { code, stdout, stderr } = await pff(['doctor', 'me'], ownFolder());
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('"me"');
});

const loaded = loadAddon();
it.skipIf('reason' in loaded)('pff train tells of a faster precision in one line (skip: no addon)', async () => {
  const folder = ownFolder();
  const env = { PFF_CACHE_DIR: folder };
  process.env['PFF_CACHE_DIR'] = folder;
  keepRates(ratesKey(loaded, 'auto', 1), stepRates(1, { f32: 6, bf16: 2 }), Date.now());
  delete process.env['PFF_CACHE_DIR'];
  const line = 'train --epochs 200 --threads-per-node 1'.split(' ');
  const told = /^--precision bf16 would train 3\.0 times as fast as f32 on this machine.*$/m;
  const stop = (child: { kill: (signal: 'SIGKILL') => void }, stderr: string): void => {
    if (stderr.includes('run folder')) child.kill('SIGKILL');
  };
  expect((await pff(line, folder, stop, env)).stderr).toMatch(told);
  const short = [...line, '--train-samples', '64', '--test-samples', '10', '--layers', '784,16,16'];
  const { code, stderr } = await pff(short, folder, undefined, env);
  expect(code).toBe(0);
  expect(stderr).not.toMatch(told);
});
