/**
 * Whole runs of convolutional networks on a GPU (here SwiftShader), by losses that stay on the device and by all that do not: the digest of the CPU.
 * Own process: its environment names a GPU in software.
 */
import { describe, expect, it } from 'vitest';
import { trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

Object.assign(process.env, softwareGpu());
const dataset = toyDataset(40, 8);

// Each loss that stays on the device: test/kernels/webgpu-training.test.ts.
const specs: readonly PartialSpec[] = [
  { objective: 'goodness', negatives: 'adaptive' },
  { objective: 'performance-optimized', dropout: 0.2 },
  { objective: 'predsim', dropout: 0.2, optimizer: 'sgd' },
  { objective: 'cwc' },
  { objective: 'deeper-forward' },
  { objective: 'backprop' },
  { objective: 'backprop-heads' },
];

describe.each(specs)('$objective', (part) => {
  it('has the digest of the CPU', { timeout: 120_000 }, async () => {
    // Shaders take long to compile here; these are those of the probe.
    const layers = ['1x6x6', 'conv8+bn+leaky0.25+max2', 'conv12+gn3+relu+avg2s1'];
    const spec = toySpec({ ...part, layers, epochs: 1, precision: 'bf16' });
    const onGpu = await trainToEnd({ spec, kernels: 'webgpu' }, dataset);
    const onCpu = await trainToEnd({ spec, kernels: 'reference' }, dataset);
    expect(onGpu.modelDigest).toBe(onCpu.modelDigest);
    expect(onGpu.testAccuracy).toBe(onCpu.testAccuracy);
    expect(onGpu.kernels).toMatch(/^webgpu\//);
  });
});
