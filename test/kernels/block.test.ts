/** Blocks of convolutions on every backend: the bits of the reference, in every precision, for any number of threads. */
import { describe, expect, it } from 'vitest';
import type { AdamRule, LayerInput, Precision, SgdRule, SyncKernels } from '../../src/kernels/kernels.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { instructionSets, openBackend } from './backends.js';
import { normal, optionsOf, randomStages, stagesOf, zeroStages, type BlockCase } from './blocks.js';

const ADAM: AdamRule = {
  kind: 'adam',
  beta1: 0.9,
  beta2: 0.999,
  stepSize: 0.01,
  epsilonSquared: 1e-14,
  keep: 0.999,
};
const SGD: SgdRule = { kind: 'sgd', momentum: 0.9, stepSize: 0.05, keep: 0.999 };

interface Case extends BlockCase {
  readonly batch: number;
}

/**
 * No size is a multiple of a vector's length unless it is to be one. Convolutions whose channels come in eights read windows as they
 * lie, in pieces of whole images or of rows of one; the others pack patches. Two have even windows, two stages without a convolution.
 */
const cases: readonly Case[] = [
  { image: '3x7x5', block: 'conv5', batch: 3 },
  { image: '3x7x5', block: 'conv21+leaky+max2', batch: 3, labels: 4, variants: 2 },
  { image: '5x6x6', block: 'conv50k5s2+bn', batch: 2 },
  { image: '6x7x7', block: 'conv9g3+gn3+linear+avg3s2', batch: 3 },
  { image: '2x8x8', block: 'conv16+bn+max2+conv18g2+ln+leaky+max3s1', batch: 3, labels: 3, variants: 2 },
  { image: '1x6x6', block: 'conv3p0+bn+conv66k1', batch: 9 },
  { image: '2x6x6', block: 'conv7k6p0+bn', batch: 5 },
  { image: '2x7x6', block: 'conv5k4s2p1', batch: 2 },
  { image: '40x12x12', block: 'conv9+bn+max2', batch: 5 },
  { image: '64x6x6', block: 'conv20+max2', batch: 13 },
  { image: '8x40x37', block: 'conv10', batch: 2 },
  { image: '16x9x5', block: 'conv24g2k5s3+bn+conv56', batch: 11, labels: 3, variants: 2 },
  { image: '32x32x32', block: 'conv5', batch: 2 },
  { image: '64x6x10', block: 'conv20g2', batch: 17 },
  { image: '32x9x9', block: 'conv6s2', batch: 5 },
  { image: '16x7x9', block: 'conv32g2s2+bn+leaky+conv48g2k5p1', batch: 5 },
  { image: '3x7x5', block: 'conv21+rms+max2', batch: 3, labels: 4, variants: 2 },
  { image: '5x6x6', block: 'conv50k5s2+ln2d+leaky0.2', batch: 2 },
  { image: '3x8x8', block: 'max2+conv9+relu+bn+max2+max2', batch: 3 },
  { image: '2x8x6', block: 'bn+leaky0.5+avg2+conv17+rms+max2', batch: 3, labels: 3, variants: 2 },
];

/** What a short training leaves behind, and what inference then gives. */
function trained(kernels: SyncKernels, test: Case): Float32Array[] {
  const { image, labels = 0, variants = 1, batch } = test;
  const stages = stagesOf(test);
  const rows = batch * variants;
  const values = image.split('x').reduce((product, side) => product * Number(side), 1);
  const kernel = kernels.openBlock(stages, randomStages(stages, labels), optionsOf(test, rows));
  const prefix = normal((batch + 2) * values, 1, 1).map((x) => (x < -0.7 ? 0 : x));
  const input: LayerInput = {
    prefix,
    rows: Uint32Array.from({ length: batch }, (_, b) => batch + 1 - b),
    batch,
    variants,
    ...(labels > 0 ? { suffix: normal(rows * labels, 1, 2).map((x) => (x < 0 ? 0 : x)) } : {}),
  };
  const found: Float32Array[] = [];
  for (const [step, rule] of [ADAM, SGD, ADAM].entries()) {
    const sumSquares = new Float32Array(rows);
    kernel.forward(input, sumSquares);
    found.push(sumSquares, kernel.activations().slice());
    const given = normal(rows * kernel.outputs, 0.1, 3 + step);
    const delta = step === 1 ? { rowScale: given.slice(0, rows) } : { values: given };
    if (labels === 0) {
      const below = new Float32Array(rows * kernel.inputs);
      kernel.inputGradient(delta, below);
      found.push(below);
    }
    kernel.update(delta, rule);
  }
  const activations = new Float32Array(rows * kernel.outputs);
  const sumSquares = new Float32Array(rows);
  kernel.infer(input, { activations, normalise: true, sumSquares });
  const after = zeroStages(stages, labels);
  kernel.read(after);
  kernel.close();
  return [
    ...found,
    activations,
    sumSquares,
    ...after.flatMap((each) => [each.parameters, each.moment1, each.moment2].flat()),
  ];
}

function bits(values: readonly Float32Array[]): Uint32Array[] {
  return values.map((each) => new Uint32Array(each.slice().buffer));
}

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
