/**
 * Training of layers with heads of their own: layer and head learn together from the cross-entropy of the head's softmax, by
 * backpropagation through those two only.
 */
import type { LayerKernel } from '../kernels/kernels.js';
import type { LossDescription, StepStats } from '../kernels/trainer.js';
import type { LayerObjective, ObjectiveSettings, ObjectiveStep } from './objective.js';
import { crossEntropy } from './softmax.js';

/** As data, for backends that train by themselves; they know no smoothed labels. */
export function localHead({ labelSmoothing }: ObjectiveSettings): LossDescription | undefined {
  return labelSmoothing > 0 ? undefined : { kind: 'local-head' };
}

export class LocalHeadTraining implements LayerObjective {
  /** Used again by each step: as much memory as the activations of a batch take. */
  #layerDelta = new Float32Array(0);
  readonly #labelSmoothing: number;

  constructor({ labelSmoothing }: Pick<ObjectiveSettings, 'labelSmoothing'>) {
    this.#labelSmoothing = labelSmoothing;
  }

  async step({ kernels, input, labels, layerRule, headRule, dropout }: ObjectiveStep): Promise<StepStats> {
    const layer = kernels[0] as LayerKernel;
    const head = kernels[1] as LayerKernel;
    const samples = labels.length;
    await layer.forward(input);
    await dropout?.apply(layer, samples);
    await head.forward({ prefix: await layer.activations(), batch: samples, variants: 1 });
    const headDelta = new Float32Array(samples * head.outputs);
    const stats = crossEntropy(await head.activations(), labels, head.outputs, headDelta, this.#labelSmoothing);
    // Through the head's weights as they were in the forward pass, so before the head steps.
    const values = samples * layer.outputs;
    if (this.#layerDelta.length < values) this.#layerDelta = new Float32Array(values);
    const layerDelta = this.#layerDelta.subarray(0, values);
    const throughHead = dropout ? headDelta.map((delta) => delta * dropout.scale) : headDelta;
    await head.inputGradient({ values: throughHead }, layerDelta);
    await head.update({ values: headDelta }, headRule);
    await layer.update({ values: layerDelta }, layerRule);
    return stats;
  }
}
