/** Trains one layer, or the softmax classifier, for one chapter: state in, state out. */
import { pickLabels, type Labels } from '../data/label-array.js';
import { PffError } from '../errors.js';
import type { Awaitable, Kernels, LayerInput, LayerKernel } from '../kernels/kernels.js';
import {
  addStats,
  emptyStats,
  type DrawnInput,
  type LossDescription,
  type StepStats,
  type Stock,
  type TrainerStep,
} from '../kernels/trainer.js';
import type { OpenPart } from '../layers/layer-kind.js';
import { allocateState, openState, type LayerState, type LayerStructure } from '../layers/layer-state.js';
import { updateRule } from '../model/optimizer.js';
import type { ChapterPlan } from '../model/chapter.js';
import type { LayerDropout } from '../model/dropout.js';
import type { LayerInputs } from '../model/inputs.js';
import type { LayerObjective, ObjectiveStep } from '../objectives/objective.js';
import { objectives } from '../objectives/table.js';
import { usesNegatives, type RunSpec } from '../spec/spec.js';
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

/** Batches by the places of their samples in a stock. */
export interface DrawnInputs {
  readonly stock: Stock;
  readonly draw: (positions: Uint32Array) => DrawnInput;
}

/** What a training step trains, and by what. */
export interface Learning {
  readonly objective: LayerObjective;
  readonly loss: LossDescription | undefined;
  readonly inputs: ChapterTraining['inputs'];
  readonly drawn?: DrawnInputs | undefined;
  readonly dropout?: LayerDropout | undefined;
}

/** Where inputs are held as they are; undefined where they are made for each batch. */
export function drawnFrom(inputs: LayerInputs): DrawnInputs | undefined {
  const stock = inputs.stock();
  return stock && { stock, draw: (positions) => inputs.draw(positions) };
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
  /** The same to be drawn from a stock, by backends that hold it. */
  readonly drawn?: DrawnInputs | undefined;
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
  const { step, held } = await stepper(training, opened);
  const total = emptyStats();
  const { length } = plan.batches;
  let told = 0;
  for (const [i, { positions, progress, phase }] of plan.batches.entries()) {
    const truth = pickLabels(
      labels,
      positions.map((position) => plan.samples[position] as number),
    );
    const layerRule = updateRule(spec, spec.learningRate, training.steps + i, progress, phase);
    const headRule = updateRule(spec, spec.headLearningRate, training.steps + i, progress, phase);
    const input = held
      ? { ...held(positions), mask: dropout?.inputMask(i) }
      : await inputOf(training, i, positions, opened[0] as LayerKernel);
    const wanted = i === length - 1 || report.isDue();
    const all = await step({ input, labels: truth, layerRule, headRule, dropout: dropout?.output(i) }, wanted);
    for (const stats of all) {
      told++;
      checkFinite(spec, training.where, stats.loss, told);
      addStats(total, stats);
      report.batch(told, length, stats);
    }
    await training.after?.(i + 1);
    await breather.breathe();
  }
  return total;
}

async function inputOf(
  { inputs, dropout }: ChapterTraining,
  batch: number,
  positions: Uint32Array,
  { inputs: width }: LayerKernel,
): Promise<LayerInput> {
  const whole = await inputs(positions);
  return dropout ? await dropout.input(batch, whole, width) : whole;
}

/** A step on a batch, whose input may be drawn where a stock is held. */
type Stepping = Omit<ObjectiveStep, 'kernels' | 'input' | 'doubleProducts'> & Pick<TrainerStep, 'input'>;

interface Stepper {
  /** Takes a step; what there is to tell of it and those before. Where the backend trains by itself, only if that is wanted. */
  readonly step: (step: Stepping, wanted: boolean) => Promise<readonly StepStats[]>;
  /** Where a stock is held: draws from it. */
  readonly held: DrawnInputs['draw'] | undefined;
}

async function stepper(training: ChapterTraining, opened: readonly LayerKernel[]): Promise<Stepper> {
  const { kernels, objective, loss, drawn, dropout } = training;
  const trainer = loss && kernels.openTrainer?.(opened, loss);
  if (!trainer)
    return {
      step: async (step) => [
        await objective.step({
          ...step,
          input: step.input as LayerInput,
          kernels: opened,
          doubleProducts: kernels.doubleProducts,
        }),
      ],
      held: undefined,
    };
  const holds = drawn !== undefined && dropout?.ofChannels !== true && (await trainer.hold?.(drawn.stock)) === true;
  return {
    async step({ dropout: output, ...step }, wanted) {
      await trainer.step({ ...step, outputMask: output?.mask, outputChannels: output?.channels });
      return wanted ? await trainer.statistics() : [];
    },
    held: holds ? drawn.draw : undefined,
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
  { objective }: Pick<RunSpec, 'objective'>,
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
          ? `No step has been taken yet: lower ${usesNegatives(objective) ? '--threshold, --steepness or ' : ''}--init-scale${objectives.isOurs(objective) ? '' : `, or mend the loss of ${objective} in its plugin`}.`
          : 'Lower --learning-rate (and --head-learning-rate where the layer has a head), or --init-scale.',
    },
  );
}
