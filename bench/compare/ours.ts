/** Our own contender: the same work through the code that `pff train` runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillOneHot } from '../../src/data/labels.js';
import type { Awaitable, Kernels, LayerInput, LayerKernel, Precision } from '../../src/kernels/kernels.js';
import type { KernelsChoice } from '../../src/kernels/open.js';
import { stageImages } from '../../src/model/labelled-data.js';
import { updateRule } from '../../src/model/optimizer.js';
import type { OpenPart } from '../../src/layers/layer-kind.js';
import { closeParts, type LayerState } from '../../src/layers/layer-state.js';
import { objectiveOf } from '../../src/objectives/table.js';
import { goodnessScores, openForPassing, sumScores } from '../../src/model/prediction.js';
import { openForTraining, readState } from '../../src/node/training.js';
import type { RunResult } from '../../src/run/events.js';
import { readModel } from '../../src/run/saved-model.js';
import { train } from '../../src/run/train.js';
import type { RunSpec } from '../../src/spec/spec.js';
import { WORK_NAMES, type Computed, type Contender, type Work } from './contender.js';
import { pixelOrder, PREDICTED, ROWS, STEP_RATE, tensorsOf, type Workload } from './workload.js';

const CLASSES = 10;
const rowsFrom0 = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);

/** A layer in training, with the batch that it always trains on. */
interface InTraining {
  readonly index: number;
  readonly parts: readonly OpenPart[];
  readonly input: LayerInput;
  steps: number;
}

export interface Ours extends Contender {
  /** The result of the last epoch: where its seconds went. */
  lastEpoch(): RunResult | undefined;
}

/** @param kernels opened for `precision`. Only peers whose products take the same operands compute the same. */
export async function openOurs(
  kernels: Kernels,
  precision: Precision,
  choice: KernelsChoice,
  workload: Workload,
): Promise<Ours> {
  const spec = { ...workload.spec, precision };
  const { data, states, hidden } = workload;
  const objective = objectiveOf(spec.objective).begin(spec);
  const labels = data.samples.labels.subarray(0, spec.batch);
  const inputs = { step: { prefix: hidden, batch: ROWS, variants: 1 }, 'first-step': await pairs(kernels, workload) };
  const begin = async (index: number, input: LayerInput): Promise<InTraining> => ({
    index,
    input,
    parts: await openForTraining(kernels, spec, states[index] as LayerState, 2),
    steps: 0,
  });
  const training = { step: await begin(1, inputs.step), 'first-step': await begin(0, inputs['first-step']) };
  const network = await Promise.all(states.map((state) => openForPassing(kernels, state)));
  const activations = new Float32Array(ROWS * (network[1] as LayerKernel).outputs);
  const images = rowsFrom0(PREDICTED);
  let last: RunResult | undefined;

  const step = async (one: InTraining): Promise<number> => {
    const rule = updateRule(spec, STEP_RATE, one.steps++, 0);
    const opened = one.parts.map(({ kernel }) => kernel);
    const { loss } = await objective.step({
      kernels: opened,
      input: one.input,
      labels,
      layerRule: rule,
      headRule: rule,
    });
    return loss / spec.batch;
  };
  const work: Record<Work, () => Awaitable<unknown>> = {
    step: () => step(training.step),
    'first-step': () => step(training['first-step']),
    forward: () => (network[1] as LayerKernel).infer(inputs.step, { activations }),
    predict: () => goodnessScores(kernels, network, spec.goodness, data, images),
  };

  return {
    name: [...(precision === 'f32' ? ['ours'] : ['ours', precision]), ...(choice === 'wasm' ? ['wasm'] : [])].join('-'),
    about: `pff, kernels ${kernels.name}, ${precision}, ${kernels.threads} thread(s)`,
    operands: precision === 'f32' ? 'f32' : 'bf16',
    isOurs: true,
    work: new Set(WORK_NAMES),
    trains: true,
    whole: true,
    run: async (name) => {
      const start = performance.now();
      await work[name]();
      return (performance.now() - start) / 1000;
    },
    compute: async (name, steps) => {
      if (name === 'forward') {
        await work.forward();
        return { losses: [], values: activations.slice() };
      }
      if (name === 'predict') {
        const scores = await goodnessScores(kernels, network, spec.goodness, data, images);
        return { losses: [], values: sumScores(scores.slice(1)) };
      }
      const fresh = await begin(name === 'step' ? 1 : 0, inputs[name]);
      const losses: number[] = [];
      for (let taken = 0; taken < steps; taken++) losses.push(await step(fresh));
      const state = await readState((states[fresh.index] as LayerState).structure, steps, fresh.parts);
      closeParts(fresh.parts);
      const after = tensorsOf(state);
      return { losses, values: name === 'step' ? after.weights : pixelOrder(after) };
    },
    epoch: async (batches) => {
      if (batches !== workload.batches) throw new RangeError('ours is measured on whole epochs');
      const { result } = await run(spec, workload, choice, kernels.threads);
      last = result;
      return { seconds: result.trainSeconds, batches };
    },
    computeEpoch: () => computedEpoch({ ...workload.checkSpec, precision }, workload, choice, kernels.threads),
    lastEpoch: () => last,
    close: async () => {
      closeParts([...training.step.parts, ...training['first-step'].parts]);
      for (const layer of network) layer.close();
    },
  };
}

/** The first batch as the first layer gets it: images, and their true and wrong labels. */
async function pairs(kernels: Kernels, { spec, data, negatives }: Workload): Promise<LayerInput> {
  const { samples, oneHot } = data;
  const rows = rowsFrom0(spec.batch);
  const prefix = await stageImages(kernels, data, rows, oneHot);
  const suffix = new Float32Array(2 * spec.batch * CLASSES);
  fillOneHot(samples.labels, oneHot.label, CLASSES, suffix, 0, rows);
  fillOneHot(negatives, oneHot.label, CLASSES, suffix, spec.batch, rows);
  return { prefix, batch: spec.batch, variants: 2, suffix };
}

/** One run on one node, and the mean loss of each layer. */
async function run(
  spec: RunSpec,
  { dataset }: Workload,
  kernels: KernelsChoice,
  threads: number,
  out?: string,
): Promise<{ result: RunResult; losses: number[] }> {
  const losses: number[] = [];
  for await (const event of train({ spec, nodes: 1, threadsPerNode: threads, kernels, out }, dataset)) {
    if (event.type === 'task-finished' && typeof event.task.layer === 'number')
      losses[event.task.layer] = event.stats.loss / event.stats.samples;
    if (event.type === 'finished') return { result: event.result, losses };
  }
  throw new Error('the run ended without a result');
}

async function computedEpoch(
  spec: RunSpec,
  workload: Workload,
  kernels: KernelsChoice,
  threads: number,
): Promise<Computed> {
  const folder = mkdtempSync(join(tmpdir(), 'pff-bench-run-'));
  try {
    const out = join(folder, 'run');
    const { losses } = await run(spec, workload, kernels, threads, out);
    const name = `layer${workload.states.length}.weight`;
    const values = readModel(out).tensors.find((tensor) => tensor.name === name)?.values;
    if (!values) throw new Error(`the run's model has no ${name}`);
    return { losses, values };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
