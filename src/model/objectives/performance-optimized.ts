/**
 * The paper's Performance-Optimized objective: each layer has a softmax head of its own, and layer and head learn
 * together, by backpropagation through those two only. No negative samples.
 */
import type { DenseKernel, LayerInput, UpdateRule } from '../../kernels/kernels.js';
import type { LayerObjective, StepStats } from './objective.js';
import { crossEntropy } from './softmax.js';

export class PerformanceOptimizedObjective implements LayerObjective {
  readonly name = 'performance-optimized';
  readonly variants = 1;

  step(
    kernels: readonly DenseKernel[],
    input: LayerInput,
    labels: Uint8Array,
    layerRule: UpdateRule,
    headRule: UpdateRule,
  ): StepStats {
    const layer = kernels[0] as DenseKernel;
    const head = kernels[1] as DenseKernel;
    const samples = labels.length;
    layer.forward(input);
    head.forward({ prefix: layer.activations(), batch: samples, variants: 1 });
    const headDelta = new Float32Array(samples * head.outputs);
    const stats = crossEntropy(head.activations(), labels, head.outputs, headDelta);
    // Through the head's weights as they were in the forward pass, so before the head steps.
    const layerDelta = new Float32Array(samples * layer.outputs);
    head.inputGradient({ values: headDelta }, layerDelta);
    head.update({ values: headDelta }, headRule);
    layer.update({ values: layerDelta }, layerRule);
    return stats;
  }
}
