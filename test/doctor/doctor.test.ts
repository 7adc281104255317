/** What is found out about a machine, with and without an addon or a nats-server, and what follows from it. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { examineMachine } from '../../src/doctor/examine.js';
import { fasterPrecision } from '../../src/doctor/faster-precision.js';
import { instructionSets } from '../../src/doctor/instruction-sets.js';
import { machineReportSchema } from '../../src/doctor/machine-report.js';
import { findNatsServer } from '../../src/doctor/nats-server.js';
import { cachedRates, keepRates, ratesKey } from '../../src/doctor/rates-cache.js';
import { settingsFor } from '../../src/doctor/settings.js';
import { measureStepRates } from '../../src/doctor/step-rates.js';
import { precisions } from '../../src/kernels/numerics.js';
import type { Addon } from '../../src/kernels/native/addon.js';
import { loadAddon } from '../../src/kernels/native/addon.js';
import { stepRates } from './machine.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-doctor-'));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => void vi.stubEnv('PFF_CACHE_DIR', mkdtempSync(path.join(folder, 'cache-'))));

const loaded = loadAddon();
const built = 'addon' in loaded;
const noAddon = () => ({ reason: 'the native kernels were not built: no C++ compiler found' });

describe('a machine', () => {
  test.skipIf(!built)('with an addon: each precision is measured on one thread and on more', async () => {
    const report = machineReportSchema.parse(await examineMachine());
    expect(report.kernels.instructionSets.flatMap(({ usedFor }) => usedFor).toSorted()).toEqual(precisions.toSorted());
    expect(report.steps[0]?.threads).toBe(1);
    expect(report.steps.at(-1)?.threads).toBe(report.cpu.usable);
    for (const { rates } of report.steps) expect(rates.map(({ precision }) => precision)).toEqual(precisions);
    expect(report.settings.map(({ option }) => option)).toEqual(['--precision', '--threads-per-node', '--nodes']);
    // And pff train need not measure again.
    expect(cachedRates(ratesKey(loaded, 'auto', 1), Date.now())).toEqual(report.steps[0]);
  });

  test('without an addon, and without nats-server', async () => {
    const report = machineReportSchema.parse(await examineMachine({ load: noAddon, serverFolders: [folder] }));
    expect(report.kernels).toMatchObject({ addon: null, reason: expect.stringContaining('no C++ compiler') });
    expect(report.kernels.instructionSets.every(({ usable, usedFor }) => !usable && usedFor.length === 0)).toBe(true);
    expect(report.steps).toHaveLength(1);
    expect(report.steps[0]).toMatchObject({ threads: 1, rates: [{ kernels: 'wasm' }, {}, {}] });
    expect(report.settings).toEqual([expect.objectContaining({ option: '--kernels', value: 'wasm' })]);
    expect(report.server).toBeNull();
    expect(report.seconds).toBeLessThan(20);
  });
});

describe('instruction sets', () => {
  /** A build without AMX on a CPU without AVX512-BF16. */
  const addon = {
    instructionSets: () => ['avx512', 'avx2', 'portable'],
    builtSets: () => ['avx512bf16', 'avx512', 'avx2', 'portable'],
    fastestFor: (precision) => (precision === 'bf16' ? 'avx2' : 'avx512'),
  } as Addon;
  const with512 = { addon, path: '' };
  const parts = 'avx512f avx512vl avx512dq avx512bw avx2 fma'.split(' ');
  const why = (sets: ReturnType<typeof instructionSets>) => Object.fromEntries(sets.map((set) => [set.name, set.why]));

  test('say in which precision one is used, or why it cannot be', () => {
    const sets = instructionSets(with512, new Set(parts), 'x64');
    expect(Object.fromEntries(sets.map(({ name, usedFor }) => [name, usedFor]))).toEqual({
      amx: [],
      avx512bf16: [],
      avx512: ['f32', 'bf16-tile'],
      avx2: ['bf16'],
      portable: [],
    });
    expect(why(sets)).toMatchObject({ avx512bf16: 'the CPU has no avx512_bf16', avx512: '', avx2: '', portable: '' });
  });

  test('that the CPU has but the build or the system has not', () => {
    const flags = new Set([...parts, 'avx512_bf16', 'amx_tile', 'amx_bf16']);
    const sets = why(instructionSets(with512, flags, 'x64'));
    expect(sets['amx']).toBe('this build has no such kernels: they need a newer compiler');
    expect(sets['avx512bf16']).toBe('the system does not let programs use it');
    expect(why(instructionSets(noAddon(), flags, 'x64'))['avx2']).toBe('the native kernels are not there');
    // Systems that do not tell what the CPU can do.
    const unknown = why(instructionSets(with512, undefined, 'x64'));
    expect(unknown['avx512bf16']).toBe('the CPU or the system does not have it');
    expect(unknown['amx']).toBe('it is used on Linux only');
  });

  test('are those of the CPU family', () => {
    expect(instructionSets(noAddon(), undefined, 'arm64').map(({ name }) => name)).toEqual(['neon', 'portable']);
    expect(instructionSets(noAddon(), undefined, 'riscv64').map(({ name }) => name)).toEqual(['portable']);
  });
});

describe('nats-server', () => {
  const server = (text: string): string => {
    const place = mkdtempSync(path.join(folder, 'bin-'));
    const file = path.join(place, 'nats-server');
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return place;
  };

  test('is asked for its version', async () => {
    const place = server('echo "nats-server: v2.10.3"');
    const found = { path: path.join(place, 'nats-server'), version: '2.10.3', fit: true };
    expect(await findNatsServer([folder, place])).toEqual(found);
    expect(await findNatsServer([server('echo "nats-server: v2.8.4"')])).toMatchObject({
      version: '2.8.4',
      fit: false,
    });
    expect(await findNatsServer([server('echo "nats-server: v10.0.0-beta.1"')])).toMatchObject({ fit: true });
  });

  test('that says nothing, fails or is none does not count', async () => {
    expect(await findNatsServer([])).toBeNull();
    expect(await findNatsServer([server('echo hello')])).toBeNull();
    expect(await findNatsServer([server('exit 3')])).toBeNull();
    const text = mkdtempSync(path.join(folder, 'text-'));
    writeFileSync(path.join(text, 'nats-server'), 'only a text');
    expect(await findNatsServer([text, server('echo "nats-server: v2.9.0"')])).toMatchObject({ version: '2.9.0' });
  });
});

describe('settings', () => {
  const values = (...args: Parameters<typeof settingsFor>) => settingsFor(...args).map(({ value }) => value);

  test('the fastest precision, where it gains enough', () => {
    const one = (rates: Record<string, number>) => values([stepRates(1, rates)], 1, true);
    expect(one({ f32: 8, bf16: 9, 'bf16-tile': 2 })).toEqual(['bf16-tile', '1', '1']);
    expect(one({ f32: 8, bf16: 7.5, 'bf16-tile': 14 })).toEqual(['f32', '1', '1']);
  });

  test('as many threads as share a step well, and nodes for the other cores', () => {
    const steps = (...ms: number[]) => ms.map((f32, i) => stepRates(2 ** i, { f32 }));
    expect(values(steps(8, 4.2, 2.2), 4, true)).toEqual(['f32', '4', '1']);
    expect(values(steps(8, 4.5, 4), 4, true)).toEqual(['f32', '2', '2']);
    expect(values(steps(8, 7, 7, 7), 8, true)).toEqual(['f32', '1', '3']);
    // Better on many threads than on few: what counts is the most that are well used.
    expect(values(steps(8, 7, 2.4), 4, true)).toEqual(['f32', '4', '1']);
  });
});

describe('rates that are remembered', () => {
  const rates = stepRates(2, { f32: 8, bf16: 4 });

  test('come back for the same machine, build and threads, for a week', () => {
    const [now, key] = [1e12, ratesKey(loaded, 'auto', 2)];
    expect(cachedRates(key, now)).toBeUndefined();
    keepRates(key, rates, now);
    keepRates(ratesKey(loaded, 'auto', 4), stepRates(4, { f32: 1 }), now);
    expect(cachedRates(key, now + 6 * 86_400_000)).toEqual(rates);
    expect(cachedRates(key, now + 8 * 86_400_000)).toBeUndefined();
    expect(cachedRates(ratesKey(loaded, 'avx2', 2), now)).toBeUndefined();
    expect(cachedRates(ratesKey(noAddon(), 'auto', 2), now)).toBeUndefined();
  });

  test('are let go where the file is damaged, and not kept where it cannot be written', () => {
    keepRates('a', rates, 5);
    writeFileSync(path.join(process.env['PFF_CACHE_DIR'] as string, 'step-rates.json'), '[{"key":"a"}]');
    expect(cachedRates('a', 5)).toBeUndefined();
    keepRates('a', rates, 5);
    expect(cachedRates('a', 5)).toEqual(rates);
    const file = path.join(folder, 'a-file');
    writeFileSync(file, '');
    vi.stubEnv('PFF_CACHE_DIR', file);
    keepRates('a', rates, 5);
    expect(cachedRates('a', 5)).toBeUndefined();
  });
});

describe.skipIf(!built)('a faster precision', () => {
  const remember = (ms: Record<string, number>, threads = 2) =>
    keepRates(ratesKey(loaded, 'auto', threads), stepRates(threads, ms), Date.now());
  const two = { nodes: 1, threadsPerNode: 2 };

  test('is told with what it gains', async () => {
    remember({ f32: 8, bf16: 12, 'bf16-tile': 2 });
    expect(await fasterPrecision({ ...two })).toEqual({ precision: 'bf16-tile', than: 'f32', times: 4 });
    expect(await fasterPrecision({ ...two, spec: { precision: 'bf16' } })).toMatchObject({ than: 'bf16', times: 6 });
  });

  test('is not told for a little, a short run, a baseline, the reference or wrong options', async () => {
    remember({ f32: 8, bf16: 7 });
    expect(await fasterPrecision({ ...two })).toBeUndefined();
    remember({ f32: 8, bf16: 2 });
    expect(await fasterPrecision({ ...two })).toBeDefined();
    expect(await fasterPrecision({ ...two, spec: { trainSamples: 600 } })).toBeUndefined();
    expect(await fasterPrecision({ ...two, spec: { objective: 'backprop' } })).toBeUndefined();
    expect(await fasterPrecision({ ...two, kernels: 'reference' })).toBeUndefined();
    expect(await fasterPrecision({ ...two, spec: { epochs: -1 } })).toBeUndefined();
    expect(await fasterPrecision({ ...two, variant: 'sequential', nodes: 2 })).toBeUndefined();
  });

  test('is measured where nothing is remembered, and remembered then', async () => {
    await fasterPrecision({ nodes: 1, threadsPerNode: 1 });
    expect(cachedRates(ratesKey(loaded, 'auto', 1), Date.now())).toMatchObject({ threads: 1, inputs: 1000 });
  });
});

test('measuring takes about as long as it may, and one round at least', async () => {
  const { rounds, rates } = await measureStepRates({ kernels: 'reference', threads: 1, milliseconds: 0 });
  expect(rounds).toBe(1);
  for (const { milliseconds, gigaflops } of rates)
    expect(gigaflops).toBeCloseTo((4 * 16 * 64 * 64) / milliseconds / 1e6, 9);
});
