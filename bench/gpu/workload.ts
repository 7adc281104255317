/** What is measured on a GPU: a training step of one layer, an epoch of a network, and a whole run of the default preset, in what sizes. */
import type { PartialSpec } from '../../src/spec/spec.js';

export interface GpuWorkload {
  /** Samples of a batch; a step has twice as many rows, positive and negative ones. */
  readonly batches: readonly number[];
  /** Inputs and units of the layer that a step trains. */
  readonly width: number;
  /** Of the epoch. */
  readonly layers: readonly number[];
  /** Training images of an epoch and of the preset's run. */
  readonly samples: number;
  /** What the run of the default preset has instead of its own fields. */
  readonly preset: PartialSpec;
  /** Steps that are measured together; a device is asked for nothing in between. */
  readonly steps: number;
}

export const FULL: GpuWorkload = {
  batches: [64, 512, 4096],
  width: 2000,
  layers: [784, 2000, 2000, 2000, 2000],
  samples: 60_000,
  preset: {},
  steps: 50,
};

/** So small that a device in software is done in seconds: that the bench works, not how fast anything is. */
export const TINY: GpuWorkload = {
  batches: [8, 16],
  width: 24,
  layers: [784, 16, 12],
  samples: 64,
  preset: { layers: [784, 24, 16], epochs: 1, testSamples: 10 },
  steps: 3,
};

/** Operations of a step on `batch` samples: the products of 2B rows forward and for the gradient; a multiply-add is two. Layers learn by themselves, so there is no third product. */
export function stepFlop(batch: number, width: number): number {
  return 2 * 2 * (2 * batch) * width * width;
}

/** What would be measured, in a line. */
export function describe({ batches, width, layers }: GpuWorkload): string {
  const sizes = batches.join(', ');
  return (
    `a training step of a layer of ${width} x ${width} and an epoch of ${layers.join('-')} at batch ${sizes}, the default preset, ` +
    'and the f32 peak; each in f32, bf16 and bf16-tile beside PyTorch eager and torch.compile in f32 and bf16 on the same GPU'
  );
}
