/** The gradients of blocks of convolutions against numeric ones: of every parameter, and by what enters. */
import { describe, expect, it } from 'vitest';
import { labelsOf, planeValues, stageParameters, type StageTensors } from '../../src/kernels/block/contract.js';
import type { AdamRule, LayerInput } from '../../src/kernels/kernels.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { normal, optionsOf, outputPlanes, randomStages, stagesOf, zeroStages, type BlockCase } from './blocks.js';

const BATCH = 3;
const STEP = 4e-3;
/** A step of size 0 that leaves the gradient in the first moment. */
const PROBE: AdamRule = { kind: 'adam', beta1: 0, beta2: 0, stepSize: 0, epsilonSquared: 1e-16, keep: 1 };

const cases: readonly BlockCase[] = [
  { image: '2x5x4', block: 'conv3' },
  { image: '2x5x4', block: 'conv3+leaky', labels: 3, variants: 2 },
  { image: '2x6x5', block: 'conv2k5s2+linear' },
  { image: '4x4x4', block: 'conv6g2p0+max2' },
  { image: '2x6x6', block: 'conv3+bn+max2' },
  { image: '2x6x6', block: 'conv3+bn+leaky', labels: 2, variants: 2 },
  { image: '2x7x7', block: 'conv4+gn2+linear+avg3s2' },
  { image: '2x5x5', block: 'conv4+ln+leaky+max3s2' },
  { image: '3x6x6', block: 'conv3k1+bn+linear+conv2+leaky+max2' },
  { image: '1x8x8', block: 'conv2+max2+conv4g2+gn4+linear' },
  { image: '2x5x4', block: 'conv6+rms+linear' },
  { image: '2x5x4', block: 'conv6+ln2d+leaky0.3', labels: 3, variants: 2 },
  { image: '2x8x8', block: 'max2+conv3+relu+bn+linear+conv2+leaky+max2' },
  { image: '3x6x6', block: 'ln2d+leaky0.5+max2+conv3+relu+rms', labels: 2, variants: 2 },
];

function inputOf({ image, labels = 0, variants = 1 }: BlockCase): LayerInput {
  const values = image.split('x').reduce((product, side) => product * Number(side), 1);
  const prefix = normal(BATCH * values, 1, 1);
  if (labels === 0) return { prefix, batch: BATCH, variants };
  return {
    prefix,
    batch: BATCH,
    variants,
    suffix: normal(variants * BATCH * labels, 1, 2).map((x) => (x < 0 ? 0 : x)),
  };
}

/** The weighted sum of what leaves, and the gradients of all parameters and of what enters. */
function run(test: BlockCase, tensors: readonly StageTensors[], input: LayerInput, backwards: boolean) {
  const { labels = 0 } = test;
  const stages = stagesOf(test);
  const rows = input.batch * input.variants;
  const kernel = openReference().openBlock(stages, tensors, optionsOf(test, rows));
  kernel.forward(input);
  const y = kernel.activations();
  const values = normal(y.length, 1, 3);
  const loss = y.reduce((sum, each, i) => sum + each * (values[i] ?? 0), 0);
  const after = zeroStages(stages, labels);
  const below = new Float32Array(rows * kernel.inputs);
  if (backwards) {
    expect(y.length).toBe(rows * planeValues(outputPlanes(stages)));
    if (labels === 0) kernel.inputGradient({ values }, below);
    kernel.update({ values }, PROBE);
    kernel.read(after);
  }
  kernel.close();
  return { loss, after, below };
}

describe.each(cases)('$image $block', (test) => {
  const { labels = 0 } = test;
  const stages = stagesOf(test);
  const tensors = randomStages(stages, labels);
  const input = inputOf(test);
  const { after, below } = run(test, tensors, input, true);

  /** Share of values whose numeric gradient is not the analytic one: a few stand where ReLU or a maximum has a bend. */
  const wrongShare = (values: Float32Array, gradient: Float32Array): number => {
    let wrong = 0;
    values.forEach((original, i) => {
      values[i] = original + STEP;
      const up = run(test, tensors, input, false).loss;
      values[i] = original - STEP;
      const down = run(test, tensors, input, false).loss;
      values[i] = original;
      const numeric = (up - down) / (2 * STEP);
      if (!(Math.abs(numeric - (gradient[i] ?? Number.NaN)) <= 0.02 + 0.02 * Math.abs(numeric))) wrong++;
    });
    return wrong / values.length;
  };

  it('of every parameter', () => {
    for (const [s, stage] of stages.entries())
      for (const [at, { name }] of stageParameters(stage, labelsOf(stages, s, labels)).entries()) {
        if (name === 'mean' || name === 'variance') continue;
        const gradient = after[s]!.moment1[at]!;
        expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(0.05);
        expect(wrongShare(tensors[s]!.parameters[at]!, gradient), name).toBeLessThan(0.08);
      }
  });

  // Labels enter with the samples in the first layer only, and nothing asks for a gradient below that.
  if (labels === 0)
    it('by what enters', () => {
      expect(wrongShare(input.prefix, below)).toBeLessThan(0.08);
    });
});
