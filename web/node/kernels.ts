/** The kernels of a node in a browser: WebAssembly, or else the reference, with the same bits. */
import type { Kernels, Precision } from '../../src/kernels/kernels.js';
import { proveNumerics } from '../../src/kernels/probe.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { loadWasm } from '../../src/kernels/wasm/load.js';
import { openWasm } from '../../src/kernels/wasm/wasm.js';

/** @throws PffError `kernels` where this browser computes other bits */
export async function openBrowserKernels(precision: Precision): Promise<Kernels> {
  const loaded = await loadWasm();
  const kernels = 'functions' in loaded ? openWasm(loaded, precision) : openReference(precision);
  await proveNumerics(kernels);
  return kernels;
}
