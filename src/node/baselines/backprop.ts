/**
 * Backpropagation, the baseline outside the pipeline: the same layers, kernels, data, batches and Adam, but gradients
 * pass from layer to layer. `backprop` has one softmax head at the end; `backprop-heads` one at every layer, their losses
 * added up: the honest match to layer-local training.
 */
import type { DenseKernel, Kernels, LayerInput } from '../../kernels/kernels.js';
import { updateRule } from '../../model/optimizer.js';
import { augmentation } from '../../model/augment/augment.js';
import { chapterPlan } from '../../model/chapter.js';
import { layerDropout, type OutputDropout } from '../../model/dropout.js';
import { ImageInputs } from '../../model/inputs.js';
import { initialState, type LayerState } from '../../model/layer-state.js';
import { networkShape } from '../../model/network.js';
import { addStats, emptyStats, type StepStats } from '../../model/objectives/objective.js';
import { crossEntropy } from '../../model/objectives/softmax.js';
import type { UpdateRule } from '../../kernels/kernels.js';
import { Breather, nowMs } from '../clock.js';
import type { NodeEvent } from '../events.js';
import { siteOf, type Job } from '../job.js';
import { progressReporter } from '../progress.js';
import type { SavedChapters } from './saved-chapters.js';
import { checkFinite, openForTraining, readState } from '../training.js';

/** Trains the whole network; returns its states. `saved` is called with the states after each chapter. `from`: go on from there. */
export async function trainBackprop(
  job: Job,
  kernels: Kernels,
  signal: AbortSignal,
  emit: (event: NodeEvent) => void,
  saved: (chapter: number, states: LayerState[]) => void,
  from?: SavedChapters,
): Promise<LayerState[]> {
  const { spec } = job;
  const { data, samples } = siteOf(job, 0);
  const initial = from?.states ?? networkShape(spec, data.layout).layers.map((shape) => initialState(shape, spec.seed));
  const opened = initial.map((state) => openForTraining(kernels, spec, state, job.classes, 1));
  const breather = new Breather(signal);
  let steps = initial[0]?.steps ?? 0;
  let states = initial;
  try {
    for (let chapter = from?.chapters ?? 0; chapter < spec.splits; chapter++) {
      const start = (nowMs() - job.startedMs) / 1000;
      const task = { chapter, layer: 'network' } as const;
      const plan = chapterPlan(spec, samples, chapter);
      const inputs = new ImageInputs(kernels, data, plan.samples, undefined, augmentation(spec, chapter));
      const dropouts = opened.map((_, layer) => layerDropout(kernels, spec, chapter, layer));
      const report = progressReporter(0, task, emit);
      const total = emptyStats();
      for (const [i, { positions, progress }] of plan.batches.entries()) {
        const labels = Uint8Array.from(positions, (p) => data.samples.labels[plan.samples[p] as number] as number);
        const layerRule = updateRule(spec, spec.learningRate, steps, progress);
        const headRule = updateRule(spec, spec.headLearningRate, steps, progress);
        const dropout = dropouts.map((each) => each?.output(i));
        const stats = backpropStep(opened, inputs.batch(positions), labels, layerRule, headRule, dropout);
        checkFinite({ layer: opened.length - 1, chapter }, stats.loss, i + 1);
        addStats(total, stats);
        steps++;
        report(i + 1, plan.batches.length, stats);
        await breather.breathe();
      }
      states = initial.map((state, layer) => readState(state.shape, steps, opened[layer] as DenseKernel[]));
      saved(chapter, states);
      const spans = [
        { node: 0, task, phase: 'train', start, end: (nowMs() - job.startedMs) / 1000, bytes: 0 } as const,
      ];
      emit({ type: 'task-finished', node: 0, task, stats: total, spans });
    }
  } finally {
    for (const parts of opened) for (const kernel of parts) kernel.close();
  }
  return states;
}

/** One step on all layers ([layer, head] or [layer] each), with dropout of each one's outputs. The stats are the last head's; the loss is all heads' together. */
export function backpropStep(
  layers: readonly (readonly DenseKernel[])[],
  input: LayerInput,
  labels: Uint8Array,
  layerRule: UpdateRule,
  headRule: UpdateRule,
  dropout: readonly (OutputDropout | undefined)[] = [],
): StepStats {
  const samples = labels.length;
  let below = input;
  for (const [l, [layer, head]] of (layers as readonly [DenseKernel, DenseKernel?][]).entries()) {
    layer.forward(below);
    dropout[l]?.apply(layer, samples);
    below = { prefix: layer.activations(), batch: samples, variants: 1 };
    head?.forward(below);
  }
  let stats = emptyStats();
  let loss = 0;
  /** Gradient by the activations of the layer at hand, from the layer above it. */
  let fromAbove: Float32Array | undefined;
  for (let l = layers.length - 1; l >= 0; l--) {
    const [layer, head] = layers[l] as [DenseKernel, DenseKernel?];
    const delta = fromAbove ?? new Float32Array(samples * layer.outputs);
    if (head) {
      const headDelta = new Float32Array(samples * head.outputs);
      const headStats = crossEntropy(head.activations(), labels, head.outputs, headDelta);
      loss += headStats.loss;
      if (l === layers.length - 1) stats = headStats;
      const throughHead = new Float32Array(samples * layer.outputs);
      head.inputGradient({ values: headDelta }, throughHead);
      for (let i = 0; i < delta.length; i++) delta[i] = (delta[i] as number) + (throughHead[i] as number);
      head.update({ values: headDelta }, headRule);
    }
    const scale = dropout[l]?.scale ?? 1;
    if (scale !== 1) for (let i = 0; i < delta.length; i++) delta[i] = (delta[i] as number) * scale;
    if (l > 0) {
      fromAbove = new Float32Array(samples * layer.inputs);
      layer.inputGradient({ values: delta }, fromAbove);
    }
    layer.update({ values: delta }, layerRule);
  }
  return { ...stats, loss };
}
