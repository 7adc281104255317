/**
 * What a device that computes by its own arithmetic has to prove for blocks besides the common probe: shaders that the probe does not reach, and
 * where a compiler may make one rounding of a product and a sum.
 */
import type { Stage } from '../../block/contract.js';
import type { Kernels, Precision } from '../../kernels.js';
import { failProof, probeBlockDigest } from '../../probe.js';
import { openReference } from '../../reference/reference.js';

const window = { kernel: 3, stride: 1, padding: 1, groups: 1 };

/** Slopes that are no powers of 2 before averages, norms by position, groups, stages without a convolution. */
const STAGES: readonly Stage[] = [
  {
    from: { channels: 3, height: 7, width: 6 },
    outputs: 20,
    ...window,
    norm: { kind: 'position', centred: true },
    leak: 0.2,
    pool: { kind: 'average', size: 2, stride: 1 },
  },
  {
    from: { channels: 20, height: 6, width: 5 },
    outputs: 20,
    kernel: 0,
    stride: 1,
    padding: 0,
    groups: 1,
    norm: { kind: 'position', centred: false },
    leak: 1,
  },
  {
    from: { channels: 20, height: 6, width: 5 },
    outputs: 12,
    ...window,
    groups: 2,
    leak: 0.3,
    pool: { kind: 'average', size: 3, stride: 2 },
  },
];

/** @throws PffError `kernels` where the bits are not those of the reference */
export async function proveOtherBlocks(kernels: Kernels, precision: Precision): Promise<void> {
  const expected = await probeBlockDigest(openReference(precision), STAGES);
  if ((await probeBlockDigest(kernels, STAGES)) !== expected) failProof(kernels);
}
