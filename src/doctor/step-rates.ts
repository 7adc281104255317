/** How fast this machine does one training step of a layer, in each precision: measured in turn, in a fraction of a second. */
import { PffError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { loadAddon, type LoadedAddon } from '../kernels/native/addon.js';
import { precisions, type Precision } from '../kernels/numerics.js';
import { openKernels, type KernelsChoice } from '../kernels/open.js';
import type { OpenPart, PartStructure } from '../layers/layer-kind.js';
import { allocateState, closeParts, rowInputs, rowOutputs, type LayerState } from '../layers/layer-state.js';
import { networkStructure } from '../model/network.js';
import { updateRule } from '../model/optimizer.js';
import { openForTraining } from '../node/training.js';
import { objectiveOf } from '../objectives/table.js';
import { RandomStream } from '../random.js';
import { resolveSpec, type RunSpec } from '../spec/spec.js';
import type { StepRates } from './machine-report.js';

export interface RateOptions {
  readonly kernels: KernelsChoice;
  readonly threads: number;
  /** What measuring may take, roughly; one round is measured however long it takes. */
  readonly milliseconds: number;
  /** For tests: where the addon comes from. */
  readonly load?: (() => LoadedAddon) | undefined;
}

const CLASSES = 10;
/** A layer of the default preset; for the reference kernels, one that they get through in milliseconds. */
const UNITS = 1000;
const BATCH = 64;
const REFERENCE_UNITS = 64;
const REFERENCE_BATCH = 8;
const MOST_ROUNDS = 25;

interface Runner {
  readonly precision: Precision;
  readonly kernels: Kernels;
  readonly opened: readonly OpenPart[];
  readonly step: () => Promise<void>;
  readonly taken: number[];
}

/** @throws PffError `kernels` if the kernels asked for cannot be had; `memory` */
export async function measureStepRates(options: RateOptions): Promise<StepRates> {
  const { kernels: choice, threads, load = loadAddon } = options;
  const runners: Runner[] = [];
  try {
    let first: { readonly spec: RunSpec; readonly state: LayerState; readonly rows: Float32Array } | undefined;
    for (const precision of precisions) {
      const { kernels } = await openKernels({ kernels: choice, threads, precision }, load);
      first ??= layerFor(kernels);
      runners.push(await openRunner(kernels, precision, first.spec, first.state, first.rows));
    }
    const [any] = runners;
    if (any === undefined || first === undefined) throw new PffError('kernels', 'there is no precision to measure');
    const begun = performance.now();
    let once = 0;
    for (const runner of runners) once += await timed(runner.step);
    // The first step of each warms up.
    const left = options.milliseconds - (performance.now() - begun);
    const rounds = Math.max(1, Math.min(MOST_ROUNDS, Math.floor(left / once)));
    for (let round = 0; round < rounds; round++) for (const { step, taken } of runners) taken.push(await timed(step));
    const { structure } = first.state;
    const inputs = rowInputs(structure);
    const outputs = rowOutputs(structure);
    const rows = 2 * first.spec.batch;
    return {
      threads: any.kernels.threads,
      inputs,
      outputs,
      rows,
      rounds,
      rates: runners.map(({ precision, kernels, taken }) => {
        const sorted = taken.toSorted((a, b) => a - b);
        const milliseconds = sorted[0] as number;
        const medianMilliseconds = sorted[Math.floor(sorted.length / 2)] as number;
        const gigaflops = (4 * rows * inputs * outputs) / milliseconds / 1e6;
        const { name, numerics } = kernels;
        return { precision, numerics: numerics.id, kernels: name, milliseconds, medianMilliseconds, gigaflops };
      }),
    };
  } finally {
    for (const { opened, kernels } of runners) {
      closeParts(opened);
      kernels.close();
    }
  }
}

/** The layer, and rows [2 B, I] of unit length as it gets them from the one below: half of their values are 0. */
function layerFor(kernels: Kernels): { spec: RunSpec; state: LayerState; rows: Float32Array } {
  const reference = kernels.name === 'reference';
  const units = reference ? REFERENCE_UNITS : UNITS;
  const spec = resolveSpec({ layers: [784, units, units], batch: reference ? REFERENCE_BATCH : BATCH });
  const layout = { skip: CLASSES, prefix: 784 - CLASSES, suffix: CLASSES, inputs: 784 };
  const structure = networkStructure(spec, layout).layers[1];
  if (structure === undefined) throw new RangeError('a network without a second layer');
  const rows = new Float32Array(2 * spec.batch * units);
  fillRepeating(rows, Math.sqrt(2 / units));
  rows.forEach((value, i) => (rows[i] = Math.max(0, value)));
  const state = allocateState(structure);
  const { initialDeviation } = structure.parts[0] as PartStructure;
  for (const { parameters } of state.parts) if (parameters[0]) fillRepeating(parameters[0], initialDeviation);
  return { spec, state, rows };
}

/** Normal values, of which few are drawn: a million would take longer than everything else. */
function fillRepeating(values: Float32Array, deviation: number): void {
  const some = new Float32Array(Math.min(values.length, 4099));
  new RandomStream(1, 'test').fillNormal(some, deviation);
  for (let at = 0; at < values.length; at += some.length) values.set(some.subarray(0, values.length - at), at);
}

async function openRunner(
  kernels: Kernels,
  precision: Precision,
  spec: RunSpec,
  state: LayerState,
  rows: Float32Array,
): Promise<Runner> {
  const opened = await openForTraining(kernels, spec, state, 2);
  const objective = objectiveOf(spec.objective).begin(spec);
  const layer = opened.map(({ kernel }) => kernel);
  const labels = new Uint8Array(spec.batch);
  let steps = 0;
  const step = async (): Promise<void> => {
    // So small a rate that gradients stay as they are, however often the same rows come.
    const rule = updateRule(spec, 1e-6, steps++, 0);
    const input = { prefix: rows, batch: 2 * spec.batch, variants: 1 };
    const { doubleProducts } = kernels;
    await objective.step({ kernels: layer, input, labels, layerRule: rule, headRule: rule, doubleProducts });
  };
  return { precision, kernels, opened, step, taken: [] };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
