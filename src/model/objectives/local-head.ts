/**
 * Layers with heads of their own: layer and head learn together from the cross-entropy of the head's softmax, by
 * backpropagation through those two only. No negative samples. The paper's Performance-Optimized objective; and Mono-Forward
 * (Gong, Li & Abdulla, 2025), whose head is a projection matrix without bias (model/network.ts).
 */
import type { DenseKernel, LayerInput, UpdateRule } from '../../kernels/kernels.js';
import type { OutputDropout } from '../dropout.js';
import type { LayerObjective, StepStats } from './objective.js';
import { crossEntropy } from './softmax.js';

export class LocalHeadObjective implements LayerObjective {
  readonly name: 'performance-optimized' | 'mono-forward';
  readonly variants = 1;

  constructor(name: 'performance-optimized' | 'mono-forward') {
    this.name = name;
  }

  step(
    kernels: readonly DenseKernel[],
    input: LayerInput,
    labels: Uint8Array,
    layerRule: UpdateRule,
    headRule: UpdateRule,
    dropout?: OutputDropout,
  ): StepStats {
    const layer = kernels[0] as DenseKernel;
    const head = kernels[1] as DenseKernel;
    const samples = labels.length;
    layer.forward(input);
    dropout?.apply(layer, samples);
    head.forward({ prefix: layer.activations(), batch: samples, variants: 1 });
    const headDelta = new Float32Array(samples * head.outputs);
    const stats = crossEntropy(head.activations(), labels, head.outputs, headDelta);
    // Through the head's weights as they were in the forward pass, so before the head steps.
    const layerDelta = new Float32Array(samples * layer.outputs);
    const throughHead = dropout ? headDelta.map((delta) => delta * dropout.scale) : headDelta;
    head.inputGradient({ values: throughHead }, layerDelta);
    head.update({ values: headDelta }, headRule);
    layer.update({ values: layerDelta }, layerRule);
    return stats;
  }
}
