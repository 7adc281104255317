/** Convolutions with labels by the thousand: what a thread lists of them grows with those that are not 0, not with all. */
import { describe, expect, it } from 'vitest';
import { openBackend } from './backends.js';
import { normal, optionsOf, randomStages, stagesOf } from './blocks.js';

/** Variants times positions times labels are more than a list of 32-bit numbers takes. */
const LABELS = 2100;

describe('labels by the thousand', () => {
  // Windows that are read as they lie, and patches that are packed.
  it.each([
    ['8x32x32', 8192],
    ['3x32x32', 3072],
  ])('a convolution of %s', (image, values) => {
    const test = { image, block: 'conv1', labels: LABELS };
    const stages = stagesOf(test);
    const kernel = openBackend('auto').openBlock(stages, randomStages(stages, LABELS), optionsOf(test, 1));
    const prefix = normal(values, 1, 1);
    const withLabels = (labels: readonly number[]): Float32Array => {
      const suffix = new Float32Array(labels.length * LABELS);
      for (const [v, label] of labels.entries()) suffix[v * LABELS + label] = 1;
      const sumSquares = new Float32Array(labels.length);
      kernel.infer({ prefix, batch: 1, variants: labels.length, suffix }, { sumSquares });
      return sumSquares;
    };
    const all = withLabels(Array.from({ length: LABELS }, (_, label) => label));
    for (const label of [0, 1, 1024, LABELS - 1]) expect(all[label]).toBe(withLabels([label])[0]);
    expect(new Set(all).size).toBeGreaterThan(LABELS / 2);
    kernel.close();
  });
});
