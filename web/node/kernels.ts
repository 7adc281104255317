/** The kernels of a node in a browser. */
import type { Kernels, Precision } from '../../src/kernels/kernels.js';
import { openReference } from '../../src/kernels/reference/reference.js';

/** @throws PffError `kernels` where this browser computes other bits */
export function openBrowserKernels(precision: Precision): Promise<Kernels> {
  return Promise.resolve(openReference(precision));
}
