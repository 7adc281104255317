/** The kernels of a node in a browser: WebAssembly, or else the reference, with the same bits. */
import type { Kernels, Precision } from '../../src/kernels/kernels.js';
import { openPortableKernels } from '../../src/kernels/open-portable.js';

/** @throws PffError `kernels` where this browser computes other bits */
export async function openBrowserKernels(precision: Precision): Promise<Kernels> {
  return (await openPortableKernels(precision)).kernels;
}
