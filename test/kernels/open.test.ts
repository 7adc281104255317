/** Which backend openKernels picks, and what it says where it cannot have the one asked for. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { precisions } from '../../src/kernels/numerics.js';
import { loadAddon } from '../../src/kernels/native/addon.js';
import { listInstructionSets } from '../../src/kernels/native/instruction-sets.js';
import { openKernels } from '../../src/kernels/open.js';
import { instructionSets, missingSets } from './backends.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('where there is an addon', () => {
  test.skipIf(instructionSets.length === 0)('auto and native take what is fastest (skip: none built)', async () => {
    const listed = listInstructionSets();
    for (const precision of precisions) {
      const taken: string[] = [];
      for (const kernels of ['auto', 'native'] as const) {
        const opened = await openKernels({ kernels, threads: 2, precision });
        expect(opened.reason).toBeUndefined();
        opened.kernels.close();
        taken.push(opened.kernels.name);
      }
      const [name = ''] = taken;
      expect(taken).toEqual([name, name]);
      const sets = listed.map((set) => `native/${set}`);
      // AMX has no other products; whether VDPBF16PS is fast is measured.
      const without = sets.filter((set) => set !== 'native/amx');
      if (precision === 'bf16-tile') expect(name).toBe(sets[0]);
      else if (precision === 'f32') expect(name).toBe(without[0]);
      else
        expect(
          without
            .filter((set) => set !== 'native/avx512bf16')
            .slice(0, 1)
            .concat(without[0] ?? ''),
        ).toContain(name);
    }
    expect(listed.at(-1)).toBe('portable');
  });

  test.each(missingSets)('%s, which this CPU lacks, is refused', async (name) => {
    const refused = expect.objectContaining({ code: 'kernels', hint: expect.stringContaining('portable') });
    await expect(openKernels({ kernels: name, threads: 1 })).rejects.toThrow(refused);
  });

  test.each([0, -1, 1.5, Number.NaN, 5000])('%s threads are refused', async (threads) => {
    await expect(openKernels({ kernels: 'auto', threads })).rejects.toThrow(
      'kernel threads must be a whole number from 1',
    );
  });

  test.skipIf(instructionSets.length === 0)('many workers may load it, compute and be ended at any time', async () => {
    // Plain JavaScript over the addon: workers cannot run TypeScript.
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      const addon = require(workerData);
      const backend = addon.openBackend(addon.instructionSets()[0], 2, 0, 'f32');
      const f = (n) => new Float32Array(n);
      const dense = addon.openDense(backend, 300, 200, 0, 64, true, false, f(60000), f(200), f(60000), f(60000), f(200), f(200));
      const x = f(300 * 64), y = addon.allocate(200 * 64), s = f(64);
      let told = false;
      for (;;) {
        addon.forward(dense, x, undefined, 64, 1, undefined, y, undefined);
        addon.update(dense, y, s, undefined, 0.9, 0.999, 0.01, 1e-16, 1);
        if (!told) parentPort.postMessage('running');
        told = true;
      }`;
    const workerData = join(root, 'build', 'pff-native.node');
    const workers = [1, 2, 3].map(() => new Worker(code, { eval: true, workerData }));
    await Promise.all(workers.map((worker) => new Promise((resolve) => void worker.once('message', resolve))));
    const codes = await Promise.all(workers.map((worker) => worker.terminate()));
    expect(codes).toEqual([1, 1, 1]);
  });
});

describe('where there is none', () => {
  const load = () => ({ reason: 'the native kernels were not built: no C++ compiler found' });

  test('auto goes on with WebAssembly and says why', async () => {
    const { kernels, reason } = await openKernels({ kernels: 'auto', threads: 4 }, load);
    expect([kernels.name, kernels.threads, kernels.numerics.id]).toEqual(['wasm', 1, 'f32-fma/1']);
    expect(reason).toBe('the native kernels were not built: no C++ compiler found');
    kernels.close();
  });

  test.each(['native', 'avx2'] as const)('%s is refused with the reason', async (name) => {
    await expect(openKernels({ kernels: name, threads: 1 }, load)).rejects.toThrow(
      expect.objectContaining({
        code: 'kernels',
        message: `${name} kernels were asked for, but the native kernels were not built: no C++ compiler found`,
      }),
    );
  });

  test('the reference needs none', async () => {
    const { kernels, reason } = await openKernels({ kernels: 'reference', threads: 1 }, load);
    expect([kernels.name, reason]).toEqual(['reference', undefined]);
  });

  test('the build script leaves the reason for it, and exits with 0', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pff-build-'));
    try {
      expect(loadAddon(folder)).toEqual({ reason: expect.stringContaining('the native kernels are not built') });
      const script = join(root, 'scripts', 'build-native.mjs');
      const env = { PATH: '', CXX: 'no-such-compiler' };
      const { status, stderr } = spawnSync(process.execPath, [script, '--out', folder], { env, encoding: 'utf8' });
      expect(status).toBe(0);
      expect(stderr).toContain('pff will run on the slower WebAssembly kernels');
      expect(loadAddon(folder)).toEqual({
        reason: 'the native kernels were not built: no C++ compiler found (tried no-such-compiler, c++, g++, clang++)',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
