/** What the page of kernels.test.ts runs: the WebAssembly kernels, each build by its name, on the golden trajectories. */
import type { Precision } from '../../src/kernels/numerics.js';
import { loadWasm, loadWasmBuild, type Wasm } from '../../src/kernels/wasm/load.js';
import { openWasm } from '../../src/kernels/wasm/wasm.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { shapes, trajectory } from '../kernels/golden.js';
import { firstDifference, runLayer, type Shape } from '../kernels/layers.js';

/** The digests of all golden trajectories. */
async function trajectories(build: Wasm['build'], precision: Precision): Promise<string[]> {
  const kernels = openWasm(await loadWasmBuild(build), precision);
  const digests: string[] = [];
  for (const shape of shapes) digests.push(await trajectory(kernels, shape));
  return digests;
}

/** Where a run of a layer differs from the reference's in this page, in words. */
async function difference(build: Wasm['build'], precision: Precision, shape: Shape): Promise<string | undefined> {
  const kernels = openWasm(await loadWasmBuild(build), precision);
  return firstDifference(runLayer(openReference(precision), shape), runLayer(kernels, shape));
}

/** The build that is taken here, or why there is none. */
async function taken(): Promise<string> {
  const loaded = await loadWasm();
  return 'build' in loaded ? loaded.build : loaded.reason;
}

Object.assign(globalThis, { trajectories, difference, taken });
