/** What the page of webgpu.test.ts runs: the WebGPU kernels on the browser's GPU, as a page opens them. */
import type { Kernels } from '../../src/kernels/kernels.js';
import type { Precision } from '../../src/kernels/numerics.js';
import { sharedDevice } from '../../src/kernels/webgpu/device.js';
import { kernelsOn, openWebGpu } from '../../src/kernels/webgpu/webgpu.js';
import { shapes, trajectory } from '../kernels/golden.js';
import { blockDifference, type TrainedCase } from '../kernels/trained-blocks.js';

const opened = new Map<Precision, Promise<Kernels>>();

/** Proved once. */
function kernelsOf(precision: Precision): Promise<Kernels> {
  const kernels = opened.get(precision) ?? openWebGpu(precision);
  opened.set(precision, kernels);
  return kernels;
}

/** The digests of the golden trajectories. */
async function trajectories(precision: Precision): Promise<string[]> {
  const digests: string[] = [];
  for (const shape of shapes) digests.push(await trajectory(await kernelsOf(precision), shape));
  return digests;
}

/** Where a short training of a block differs from the reference's in this page, in words. One precision is proved before, which takes long. */
async function differenceOfBlock(precision: Precision, test: TrainedCase): Promise<string | undefined> {
  const kernels =
    precision === 'bf16-tile'
      ? await kernelsOf(precision)
      : kernelsOn(await sharedDevice(), { precision, form: 'integer', each: [1] });
  return blockDifference(kernels, precision, test);
}

/** The name of the kernels, or why there are none. */
async function taken(): Promise<string> {
  try {
    return (await kernelsOf('bf16')).name;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

Object.assign(globalThis, { trajectories, differenceOfBlock, taken });
