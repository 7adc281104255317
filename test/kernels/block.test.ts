/** Blocks of convolutions on every backend: the bits of the reference, in every precision, for any number of threads. */
import { describe, expect, it } from 'vitest';
import type { Precision } from '../../src/kernels/kernels.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { stageParameters, type Stage } from '../../src/kernels/block/contract.js';
import { instructionSets, openBackend } from './backends.js';
import { randomStages, stagesOf } from './blocks.js';
import { bits, trained, type TrainedCase } from './trained-blocks.js';

/**
 * No size is a multiple of a vector's length unless it is to be one. Convolutions whose channels come in eights read windows as they
 * lie, in pieces of whole images or of rows of one; the others pack patches. Some have even windows, two stages without a convolution.
 */
const cases: readonly TrainedCase[] = [
  { image: '3x7x5', block: 'conv5', batch: 3 },
  { image: '3x7x5', block: 'conv21+leaky+max2', batch: 3, labels: 4, variants: 2 },
  { image: '5x6x6', block: 'conv50k5s2+bn', batch: 2 },
  { image: '6x7x7', block: 'conv9g3+gn3+linear+avg3s2', batch: 3 },
  { image: '2x8x8', block: 'conv16+bn+max2+conv18g2+ln+leaky+max3s1', batch: 3, labels: 3, variants: 2 },
  { image: '1x6x6', block: 'conv3p0+bn+conv66k1', batch: 9 },
  { image: '2x6x6', block: 'conv7k6p0+bn', batch: 5 },
  { image: '2x6x6', block: 'conv7k6p0+bn', batch: 1 },
  { image: '2x7x6', block: 'conv5k4s2p1', batch: 2 },
  { image: '40x12x12', block: 'conv9+bn+max2', batch: 5 },
  { image: '64x6x6', block: 'conv20+max2', batch: 13 },
  { image: '8x40x37', block: 'conv10', batch: 2 },
  { image: '16x9x5', block: 'conv24g2k5s3+bn+conv56', batch: 11, labels: 3, variants: 2 },
  { image: '32x32x32', block: 'conv5', batch: 2 },
  { image: '64x6x10', block: 'conv20g2', batch: 17 },
  // Positions of the last images end in the middle of a block of eight.
  { image: '8x7x7', block: 'conv8', batch: 1 },
  { image: '8x7x7', block: 'conv8', batch: 3 },
  { image: '32x9x9', block: 'conv6s2', batch: 5 },
  { image: '16x7x9', block: 'conv32g2s2+bn+leaky+conv48g2k5p1', batch: 5 },
  { image: '3x7x5', block: 'conv21+rms+max2', batch: 3, labels: 4, variants: 2 },
  { image: '5x6x6', block: 'conv50k5s2+ln2d+leaky0.2', batch: 2 },
  { image: '3x8x8', block: 'max2+conv9+relu+bn+max2+max2', batch: 3 },
  { image: '2x8x6', block: 'bn+leaky0.5+avg2+conv17+rms+max2', batch: 3, labels: 3, variants: 2 },
  // Tiles of the input gradient: pixels of one to sixteen images side by side, panels of two and three vectors; a frame that is too large.
  { image: '70x3x16', block: 'conv75+bn', batch: 3 },
  { image: '52x4x7', block: 'conv40k2p1', batch: 18 },
  { image: '20x5x8', block: 'conv33k5p1+conv12', batch: 5 },
  { image: '12x3x4', block: 'conv20g2k1', batch: 6 },
  { image: '1x31x131', block: 'conv2', batch: 2 },
];

it('a batch of one value, of which no variance is known, leaves the running statistics as they are', () => {
  const block = { image: '2x6x6', block: 'conv7k6p0+bn' };
  const stages = stagesOf(block);
  const names = stageParameters(stages[0] as Stage, 0).map(({ name }) => name);
  const running = (parameters: readonly Float32Array[]): unknown[] =>
    (['mean', 'variance'] as const).map((name) => parameters[names.indexOf(name)]);
  const after = (batch: number): unknown[] =>
    running(trained(openReference('f32'), { ...block, batch }).slice(-3 * names.length));
  const before = running(randomStages(stages, 0)[0]?.parameters ?? []);
  expect(after(1)).toEqual(before);
  expect(after(2)).not.toEqual(before);
});

describe.each(cases)('$image $block, $batch samples', (test) => {
  it.each<Precision>(['f32', 'bf16', 'bf16-tile'])('%s', (precision) => {
    const expected = bits(trained(openReference(precision), test));
    expect(expected.every((each) => each.every((word) => (word & 0x7fffffff) <= 0x7f800000))).toBe(true);
    for (const name of instructionSets)
      for (const threads of name === instructionSets[0] ? [1, 3] : [1]) {
        const kernels = openBackend(name, threads, precision);
        const found = bits(trained(kernels, test));
        kernels.close();
        found.forEach((each, i) =>
          expect(
            each.findIndex((word, at) => word !== expected[i]?.[at]),
            `${name}, ${threads} threads, array ${i}`,
          ).toBe(-1),
        );
      }
  });
});
