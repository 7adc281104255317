/** Trains one layer, or the softmax classifier, for one chapter: state in, state out. */
import { PffError } from '../errors.js';
import type { DenseKernel, Kernels, LayerInput } from '../kernels/kernels.js';
import { updateRule } from '../model/optimizer.js';
import type { ChapterPlan } from '../model/chapter.js';
import type { LayerDropout } from '../model/dropout.js';
import type { LayerInputs } from '../model/inputs.js';
import { allocateState, type LayerState } from '../model/layer-state.js';
import { addStats, emptyStats, type LayerObjective, type StepStats } from '../model/objectives/objective.js';
import type { LayerShape } from '../model/layer-state.js';
import type { RunSpec } from '../spec/spec.js';
import type { Breather } from './clock.js';

export type OnBatch = (batch: number, batches: number, stats: StepStats) => void;

/** Opens a layer's kernels for training batches of up to `spec.batch` samples. */
export function openForTraining(
  kernels: Kernels,
  spec: RunSpec,
  state: LayerState,
  classes: number,
  variants: number,
): DenseKernel[] {
  const maxRows = spec.batch * variants;
  return state.dense.map((tensors, part) =>
    kernels.openDense(tensors, {
      activation: state.shape.dense[part]?.role === 'head' ? 'linear' : 'relu',
      maxRows,
      suffixInputs: part === 0 && state.shape.layer === 0 ? classes : 0,
      fixedBias: state.shape.dense[part]?.withoutBias,
    }),
  );
}

/**
 * Trains opened kernels on every batch of the chapter; `labels` are those of the whole data. Returns sums over all batches.
 * @throws PffError `training` as soon as the loss is no longer finite, naming layer, chapter and what to lower.
 */
export async function trainChapter(
  spec: RunSpec,
  objective: LayerObjective,
  opened: readonly DenseKernel[],
  stepsTaken: number,
  where: { readonly layer: number; readonly chapter: number },
  plan: ChapterPlan,
  inputs: LayerInputs | ((positions: Uint32Array) => LayerInput),
  labels: Uint8Array,
  breather: Breather,
  onBatch: OnBatch,
  dropout?: LayerDropout,
): Promise<StepStats> {
  const total = emptyStats();
  const input = typeof inputs === 'function' ? inputs : (positions: Uint32Array) => inputs.batch(positions);
  for (const [i, { positions, progress }] of plan.batches.entries()) {
    const truth = Uint8Array.from(positions, (position) => labels[plan.samples[position] as number] as number);
    const layerRule = updateRule(spec, spec.learningRate, stepsTaken + i, progress);
    const headRule = updateRule(spec, spec.headLearningRate, stepsTaken + i, progress);
    const whole = input(positions);
    const rows = dropout ? dropout.input(i, whole, (opened[0] as DenseKernel).inputs) : whole;
    const stats = objective.step(opened, rows, truth, layerRule, headRule, dropout?.output(i));
    checkFinite(where, stats.loss, i + 1);
    addStats(total, stats);
    onBatch(i + 1, plan.batches.length, stats);
    await breather.breathe();
  }
  return total;
}

/** Reads trained kernels into a new state, in shared memory. */
export function readState(shape: LayerShape, steps: number, opened: readonly DenseKernel[]): LayerState {
  const state = allocateState(shape, steps);
  opened.forEach((kernel, part) => kernel.read(state.dense[part] as LayerState['dense'][number]));
  return state;
}

/** @throws PffError `training` if `loss` is not finite, naming layer, chapter, batch (from 1) and what to lower. */
export function checkFinite(
  where: { readonly layer: number; readonly chapter: number },
  loss: number,
  batch: number,
): void {
  if (Number.isFinite(loss)) return;
  throw new PffError(
    'training',
    `the loss of layer ${where.layer + 1} became ${loss} in chapter ${where.chapter + 1}, batch ${batch}`,
    {
      hint:
        where.chapter === 0 && batch === 1
          ? 'No step has been taken yet: lower --threshold, --steepness or --init-scale.'
          : 'Lower --learning-rate (and --head-learning-rate where the layer has a head), or --init-scale.',
    },
  );
}
