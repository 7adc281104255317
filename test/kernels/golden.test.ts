/** Small training trajectories, pinned: whoever changes a bit of a bit-class must mean it. */
import { afterAll, describe, expect, test } from 'vitest';
import { precisions } from '../../src/kernels/numerics.js';
import { loadWasmBuild } from '../../src/kernels/wasm/load.js';
import { openWasm } from '../../src/kernels/wasm/wasm.js';
import { backends, openBackend } from './backends.js';
import { golden, shapes, trajectory } from './golden.js';

const cases = backends.flatMap((name) => precisions.map((precision) => ({ name, precision })));

describe.each(cases)('$name in $precision', ({ name, precision }) => {
  const kernels = openBackend(name, 2, precision);
  afterAll(() => kernels.close());

  test.each(shapes.map((shape, i) => ({ shape, expected: golden[precision][i] })))(
    '10 steps of $shape.activation with $shape.optimizer give the pinned bits',
    async ({ shape, expected }) => {
      expect(await trajectory(kernels, shape)).toBe(expected);
    },
  );
});

/** Taken where a CPU or an engine does not fuse; here by its name. */
describe.each(precisions)('the exact build of WebAssembly in %s', (precision) => {
  test.each(shapes.map((shape, i) => ({ shape, expected: golden[precision][i] })))(
    '10 steps of $shape.activation with $shape.optimizer give the pinned bits',
    async ({ shape, expected }) => {
      const wasm = await loadWasmBuild('exact');
      expect(wasm.build).toBe('exact');
      expect(await trajectory(openWasm(wasm, precision), shape)).toBe(expected);
    },
  );
});
