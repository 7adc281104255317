/** Blocks of convolutions on a GPU, here SwiftShader: the bits of the reference. */
import { describe, expect, it } from 'vitest';
import { precisions } from '../../src/kernels/numerics.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { sharedDevice } from '../../src/kernels/webgpu/device.js';
import { kernelsOn } from '../../src/kernels/webgpu/webgpu.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { bits, trained, trainedOnDevice, type TrainedCase } from './trained-blocks.js';

Object.assign(process.env, softwareGpu());

const cases: readonly TrainedCase[] = [
  { image: '3x7x5', block: 'conv5', batch: 3 },
  { image: '3x7x5', block: 'conv21+leaky+max2', batch: 3, labels: 4, variants: 2 },
  { image: '5x6x6', block: 'conv50k5s2+bn', batch: 2 },
  { image: '6x7x7', block: 'conv9g3+gn3+linear+avg3s2', batch: 3 },
  { image: '2x8x8', block: 'conv16+bn+max2+conv18g2+ln+leaky+max3s1', batch: 3, labels: 3, variants: 2 },
  { image: '2x7x6', block: 'conv5k4s2p1', batch: 2 },
  { image: '3x7x5', block: 'conv21+rms+max2', batch: 3, labels: 4, variants: 2 },
  { image: '5x6x6', block: 'conv50k5s2+ln2d+leaky0.2', batch: 2 },
  { image: '3x8x8', block: 'max2+conv9+relu+bn+max2+max2', batch: 3 },
  { image: '2x8x6', block: 'bn+leaky0.5+avg2+conv17+rms+max2', batch: 3, labels: 3, variants: 2 },
];

describe.each(precisions)('%s', (precision) => {
  it.each(cases)('$image $block, $batch samples', async (test) => {
    const kernels = kernelsOn(await sharedDevice(), { precision, form: 'integer', each: 1 });
    const found = bits(await trainedOnDevice(kernels, test));
    const expected = bits(trained(openReference(precision), test));
    found.forEach((each, i) =>
      expect(
        each.findIndex((word, at) => word !== expected[i]?.[at]),
        `array ${i} of ${each.length}`,
      ).toBe(-1),
    );
  });
});
