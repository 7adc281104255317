/** Trains one layer, or the softmax classifier, for one chapter: state in, state out. */
import { pickLabels, type Labels } from '../data/label-array.js';
import { PffError } from '../errors.js';
import type { Awaitable, Kernels, LayerInput, LayerKernel } from '../kernels/kernels.js';
import { addStats, emptyStats, type LossDescription, type StepStats } from '../kernels/trainer.js';
import type { OpenPart } from '../layers/layer-kind.js';
import { allocateState, openState, type LayerState, type LayerStructure } from '../layers/layer-state.js';
import { updateRule } from '../model/optimizer.js';
import type { ChapterPlan } from '../model/chapter.js';
import type { LayerDropout } from '../model/dropout.js';
import type { LayerObjective, ObjectiveStep } from '../objectives/objective.js';
import type { RunSpec } from '../spec/spec.js';
import type { Breather } from './clock.js';

/** Where progress goes: it is due now and then, and only then a backend on a device is asked for its statistics. */
export interface ProgressReport {
  /** Whether the next `batch` would be told. */
  isDue(): boolean;
  batch(batch: number, batches: number, stats: StepStats): void;
}

/** Opens a layer's parts for training batches of up to `spec.batch` samples, of `variants` rows each. */
export function openForTraining(
  kernels: Kernels,
  spec: Pick<RunSpec, 'batch'>,
  state: LayerState,
  variants: number,
): Promise<OpenPart[]> {
  return openState(kernels, state, { maxRows: spec.batch * variants });
}

export interface ChapterTraining {
  readonly spec: RunSpec;
  readonly kernels: Kernels;
  /** What the layer learns, computed here; `loss` is the same for backends that train by themselves. */
  readonly objective: LayerObjective;
  readonly loss: LossDescription | undefined;
  readonly parts: readonly OpenPart[];
  /** Optimizer steps that the layer has taken before. */
  readonly steps: number;
  readonly where: { readonly layer: number; readonly chapter: number };
  readonly plan: ChapterPlan;
  readonly inputs: (positions: Uint32Array) => Awaitable<LayerInput>;
  /** [n of the data]: the true labels. */
  readonly labels: Labels;
  readonly dropout?: LayerDropout | undefined;
  readonly breather: Breather;
  readonly report: ProgressReport;
  /** Told after each batch, from 1. */
  readonly after?: ((batch: number) => Promise<void>) | undefined;
}

/**
 * Trains opened parts on every batch of the chapter. Returns sums over all batches.
 * @throws PffError `training` as soon as a loss is seen that is not finite, naming layer, chapter and what to lower.
 */
export async function trainChapter(training: ChapterTraining): Promise<StepStats> {
  const { spec, parts, plan, labels, dropout, breather, report } = training;
  const opened = parts.map(({ kernel }) => kernel);
  const step = stepper(training, opened);
  const total = emptyStats();
  const { length } = plan.batches;
  for (const [i, { positions, progress }] of plan.batches.entries()) {
    const truth = pickLabels(
      labels,
      positions.map((position) => plan.samples[position] as number),
    );
    const layerRule = updateRule(spec, spec.learningRate, training.steps + i, progress);
    const headRule = updateRule(spec, spec.headLearningRate, training.steps + i, progress);
    const whole = await training.inputs(positions);
    const input = dropout ? await dropout.input(i, whole, (opened[0] as LayerKernel).inputs) : whole;
    const wanted = i === length - 1 || report.isDue();
    const stats = await step({ input, labels: truth, layerRule, headRule, dropout: dropout?.output(i) }, wanted);
    if (stats) {
      checkFinite(training.where, stats.loss, i + 1);
      addStats(total, stats);
      report.batch(i + 1, length, stats);
    }
    await training.after?.(i + 1);
    await breather.breathe();
  }
  return total;
}

/** Takes one step; its sums, or those since the last ones where the backend trains by itself: then only if they are wanted. */
type Stepper = (step: Omit<ObjectiveStep, 'kernels'>, wanted: boolean) => Promise<StepStats | undefined>;

function stepper({ kernels, objective, loss }: ChapterTraining, opened: readonly LayerKernel[]): Stepper {
  const trainer = loss && kernels.openTrainer?.(opened, loss);
  if (!trainer) return (step) => objective.step({ ...step, kernels: opened });
  return async ({ dropout, ...step }, wanted) => {
    await trainer.step({ ...step, outputMask: dropout?.mask });
    return wanted ? await trainer.statistics() : undefined;
  };
}

/** Reads trained parts into a new state, in shared memory. */
export async function readState(
  structure: LayerStructure,
  steps: number,
  opened: readonly OpenPart[],
): Promise<LayerState> {
  const state = allocateState(structure, steps);
  await readInto(state, opened);
  return state;
}

/** Reads trained parts into a state that is there. */
export async function readInto({ parts }: LayerState, opened: readonly OpenPart[]): Promise<void> {
  for (const [index, part] of opened.entries()) await part.read(parts[index] as LayerState['parts'][number]);
}

/** The same for every layer of a network; `from` says what each is. */
export async function readStates(
  from: readonly LayerState[],
  steps: number,
  opened: readonly (readonly OpenPart[])[],
): Promise<LayerState[]> {
  const states: LayerState[] = [];
  for (const [layer, { structure }] of from.entries())
    states.push(await readState(structure, steps, opened[layer] as readonly OpenPart[]));
  return states;
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
