/** The windows that pages show are what a convolution multiplies a patch by, in groups as well. */
import { expect, it } from 'vitest';
import type { ConvGeometry } from '../../src/layers/conv/geometry.js';
import { conv } from '../../src/layers/conv/conv.js';
import { geometries } from '../../src/layers/sizes.js';
import { openBackend } from '../kernels/backends.js';
import { optionsOf, randomStages, type BlockCase } from '../kernels/blocks.js';

it.each([
  ['2x3x3', 'conv5+linear', 1],
  ['4x3x3', 'conv6g2+linear', 2],
] as const)('of %s by %s', (image, block, groups) => {
  const test: BlockCase = { image, block };
  const geometry = geometries([image, block])[0] as ConvGeometry;
  const tensors = randomStages(geometry.stages, 0);
  const { parameters, moment1, moment2 } = tensors[0]!;
  const { planes, outputs, weights } = conv.windows!(geometry, { parameters, moment1, moment2 });
  const channels = Number(image[0]);
  expect(planes).toEqual({ channels: channels / groups, height: 3, width: 3 });

  const kernel = openBackend('reference').openBlock(geometry.stages, tensors, optionsOf(test, 0));
  const bias = parameters[1]!;
  // One pixel at a time, seen by the window in the middle.
  for (let pixel = 0; pixel < channels * 9; pixel++) {
    const prefix = new Float32Array(channels * 9);
    prefix[pixel] = 1;
    const activations = new Float32Array(9 * outputs);
    kernel.infer({ prefix, batch: 1, variants: 1 }, { activations });
    for (let o = 0; o < outputs; o++) {
      const inGroup = pixel - Math.floor(o / (outputs / groups)) * planes.channels * 9;
      const seen = inGroup >= 0 && inGroup < planes.channels * 9;
      const weight = seen ? weights[inGroup * outputs + o]! : 0;
      expect(activations[4 * outputs + o]).toBeCloseTo(weight + bias[o]!, 5);
    }
  }
  kernel.close();
});
