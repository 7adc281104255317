/**
 * Backpropagation, the baseline outside the pipeline: the same layers, kernels, data, batches and Adam, but gradients
 * pass from layer to layer. `backprop` has one softmax head at the end; `backprop-heads` one at every layer, their losses
 * added up: the honest match to layer-local training.
 */
import { pickLabels, type Labels } from '../../data/label-array.js';
import type { Kernels, LayerInput, LayerKernel, UpdateRule } from '../../kernels/kernels.js';
import { addStats, emptyStats, type StepStats } from '../../kernels/trainer.js';
import type { OpenPart } from '../../layers/layer-kind.js';
import { closeParts, type LayerState } from '../../layers/layer-state.js';
import { updateRule } from '../../model/optimizer.js';
import { augmentation } from '../../model/augment/augment.js';
import { chapterPlan } from '../../model/chapter.js';
import { layerDropout } from '../../model/dropout.js';
import { ImageInputs } from '../../model/inputs.js';
import { networkStructure } from '../../model/network.js';
import type { OutputDropout } from '../../objectives/objective.js';
import { crossEntropy } from '../../objectives/softmax.js';
import { Breather, nowMs } from '../clock.js';
import type { NodeEvent } from '../events.js';
import { beginning, siteOf, type Job } from '../job.js';
import { progressReporter } from '../progress.js';
import type { SavedChapters } from './saved-chapters.js';
import { checkFinite, openForTraining, readStates } from '../training.js';

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
  const initial = from?.states ?? networkStructure(spec, data.layout).layers.map((shape) => beginning(job, shape));
  const opened: OpenPart[][] = [];
  for (const state of initial) opened.push(await openForTraining(kernels, spec, state, 1));
  const layers = opened.map((parts) => parts.map(({ kernel }) => kernel));
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
      for (const [i, { positions, progress, phase }] of plan.batches.entries()) {
        const labels = pickLabels(
          data.samples.labels,
          positions.map((p) => plan.samples[p] as number),
        );
        const layerRule = updateRule(spec, spec.learningRate, steps, progress, phase);
        const headRule = updateRule(spec, spec.headLearningRate, steps, progress, phase);
        const dropout = dropouts.map((each) => each?.output(i));
        const input = await inputs.batch(positions);
        const { labelSmoothing } = spec;
        const stats = await backpropStep({ layers, input, labels, labelSmoothing, layerRule, headRule, dropout });
        checkFinite(spec, { layer: opened.length - 1, chapter }, stats.loss, i + 1);
        addStats(total, stats);
        steps++;
        report.batch(i + 1, plan.batches.length, stats);
        await breather.breathe();
      }
      states = await readStates(initial, steps, opened);
      saved(chapter, states);
      const spans = [
        { node: 0, task, phase: 'train', start, end: (nowMs() - job.startedMs) / 1000, bytes: 0 } as const,
      ];
      emit({ type: 'task-finished', node: 0, task, stats: total, spans });
    }
  } finally {
    for (const parts of opened) closeParts(parts);
  }
  return states;
}

/** One step on all layers. */
export interface BackpropStep {
  /** [layer, head], or [layer] for one without, each. */
  readonly layers: readonly (readonly LayerKernel[])[];
  readonly input: LayerInput;
  /** [B] */
  readonly labels: Labels;
  /** ε */
  readonly labelSmoothing: number;
  readonly layerRule: UpdateRule;
  readonly headRule: UpdateRule;
  /** Of each layer's outputs. */
  readonly dropout?: readonly (OutputDropout | undefined)[];
}

/** The stats are the last head's; the loss is all heads' together. */
export async function backpropStep(step: BackpropStep): Promise<StepStats> {
  const { layers, input, labels, labelSmoothing, layerRule, headRule, dropout = [] } = step;
  const samples = labels.length;
  let below = input;
  for (const [l, [layer, head]] of (layers as readonly [LayerKernel, LayerKernel?][]).entries()) {
    await layer.forward(below);
    await dropout[l]?.apply(layer, samples);
    below = { prefix: await layer.activations(), batch: samples, variants: 1 };
    await head?.forward(below);
  }
  let stats = emptyStats();
  let loss = 0;
  /** Gradient by the activations of the layer at hand, from the layer above it. */
  let fromAbove: Float32Array | undefined;
  for (let l = layers.length - 1; l >= 0; l--) {
    const [layer, head] = layers[l] as [LayerKernel, LayerKernel?];
    const delta = fromAbove ?? new Float32Array(samples * layer.outputs);
    if (head) {
      const headDelta = new Float32Array(samples * head.outputs);
      const headStats = crossEntropy(await head.activations(), labels, head.outputs, headDelta, labelSmoothing);
      loss += headStats.loss;
      if (l === layers.length - 1) stats = headStats;
      const throughHead = new Float32Array(samples * layer.outputs);
      await head.inputGradient({ values: headDelta }, throughHead);
      for (let i = 0; i < delta.length; i++) delta[i] = (delta[i] as number) + (throughHead[i] as number);
      await head.update({ values: headDelta }, headRule);
    }
    const scale = dropout[l]?.scale ?? 1;
    if (scale !== 1) for (let i = 0; i < delta.length; i++) delta[i] = (delta[i] as number) * scale;
    if (l > 0) {
      fromAbove = new Float32Array(samples * layer.inputs);
      await layer.inputGradient({ values: delta }, fromAbove);
    }
    await layer.update({ values: delta }, layerRule);
  }
  return { ...stats, loss };
}
