/** What `pff doctor` shows, on wide and narrow terminals. */
import { expect, test } from 'vitest';
import { machineLines } from '../../src/report/machine-lines.js';
import { machine, stepRates } from '../doctor/machine.js';

const plain = { strong: (text: string) => text, faint: (text: string) => text };
const shown = (columns: number, more: Partial<typeof machine> = {}) =>
  machineLines({ ...machine, ...more }, columns, plain);

test('fits on one screen', () => {
  const lines = shown(80);
  expect(lines.length).toBeLessThanOrEqual(30);
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "pff 0.1.0 on Node.js 20.19.0, linux x64

      cpu          A CPU of Many Words (TM) with a Long Name @ 2.10GHz, 8 cores;
                   this container may use 2.5 of them: 2 at a time
      memory       16.0 GB, 3.0 GB of it free; this container may use 4.0 GB
      kernels      amx for bf16-tile, avx512 for f32 and bf16
                   also here: avx2, portable
                   avx512bf16 is not used: the CPU has no avx512_bf16
                   wasm: WebAssembly with relaxed SIMD
      gpu 0        A GPU of Many Words (TM) with a Long Name: f32 by its own
                   arithmetic; bf16 in integer arithmetic; bf16-tile not with the
                   right bits; 2.1 GB in one matrix; --gpu 0
      nats-server  2.9.10, /usr/sbin/nats-server

    One training step of a layer, 1000 → 1000, 128 rows
      precision  threads    ms  times f32  GFLOP/s
      f32              1  8.00       1.00       64
      bf16             1  4.00       2.00      128
      f32              2  4.00       1.00      128
      bf16             2  2.00       2.00      256

    What follows for pff train
      --precision bf16  a step takes half the time that f32 takes

    measured in 1.5 s"
  `);
});

test.each([40, 48, 60, 80, 100, 200])('%i columns are enough', (columns) => {
  const lines = shown(columns);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  const all = lines.join(' ').replace(/\s+/g, ' ');
  for (const part of [
    'bf16 in integer arithmetic',
    'this container may use 2.5 of them',
    '2.9.10, /usr/sbin/nats-server',
  ])
    expect(all).toContain(part);
});

test('what is missing is said', () => {
  const text = shown(100, {
    server: null,
    kernels: {
      addon: null,
      reason: 'the native kernels were not built: no C++ compiler found',
      instructionSets: [],
      wasm: { build: null, reason: 'x' },
    },
  }).join('\n');
  expect(text).toMatch(/reference \(slow\): the native kernels were not built: no C\+\+ compiler/);
  expect(text).toMatch(/nats-server +not found; only a cluster needs one/);
  expect(shown(100, { server: { path: '/x', version: '2.8.4', fit: false } }).join('\n')).toMatch(
    /2\.8\.4, \/x; pff needs 2\.9 or newer/,
  );
});

test('a disturbed measurement is said', () => {
  expect(shown(80).join('\n')).not.toContain('other work');
  const [first] = machine.steps;
  const rates = (first as (typeof machine.steps)[number]).rates.map((rate) => ({ ...rate, medianMilliseconds: 99 }));
  const steps = [{ ...stepRates(1, {}), rates }];
  expect(shown(80, { steps }).join('\n')).toMatch(/other work on this machine disturbed it/);
});
