/** How fast this machine does one training step of a layer, in each precision: measured in turn, in a fraction of a second. */
import { PffError } from '../errors.js';
import { precisions, type DenseKernel, type Kernels, type Precision } from '../kernels/kernels.js';
import type { LoadedAddon } from '../kernels/native/addon.js';
import { loadAddon } from '../kernels/native/native.js';
import { openKernels, type KernelsChoice } from '../kernels/open.js';
import { allocateState, type LayerState } from '../model/layer-state.js';
import { networkShape } from '../model/network.js';
import { layerObjective } from '../model/objectives/registry.js';
import { updateRule } from '../model/optimizer.js';
import { openForTraining } from '../node/training.js';
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
  readonly opened: readonly DenseKernel[];
  readonly step: () => void;
  readonly taken: number[];
}

/** @throws PffError `kernels` if the kernels asked for cannot be had; `memory` */
export function measureStepRates(options: RateOptions): StepRates {
  const { kernels: choice, threads, load = loadAddon } = options;
  const runners: Runner[] = [];
  try {
    let first: { readonly spec: RunSpec; readonly state: LayerState; readonly rows: Float32Array } | undefined;
    for (const precision of precisions) {
      const { kernels } = openKernels({ kernels: choice, threads, precision }, load);
      first ??= layerFor(kernels);
      runners.push(openRunner(kernels, precision, first.spec, first.state, first.rows));
    }
    const [any] = runners;
    if (any === undefined || first === undefined) throw new PffError('kernels', 'there is no precision to measure');
    const begun = performance.now();
    let once = 0;
    for (const runner of runners) once += timed(runner.step);
    // The first step of each warms up.
    const left = options.milliseconds - (performance.now() - begun);
    const rounds = Math.max(1, Math.min(MOST_ROUNDS, Math.floor(left / once)));
    for (let round = 0; round < rounds; round++) for (const { step, taken } of runners) taken.push(timed(step));
    const { inputs, outputs } = first.state.dense[0] as LayerState['dense'][number];
    const rows = 2 * first.spec.batch;
    return {
      kernels: any.kernels.name,
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
        return { precision, numerics: kernels.bitClass, milliseconds, medianMilliseconds, gigaflops };
      }),
    };
  } finally {
    for (const { opened, kernels } of runners) {
      for (const one of opened) one.close();
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
  const shape = networkShape(spec, layout).layers[1];
  if (shape === undefined) throw new RangeError('a network without a second layer');
  const rows = new Float32Array(2 * spec.batch * units);
  fillRepeating(rows, Math.sqrt(2 / units));
  rows.forEach((value, i) => (rows[i] = Math.max(0, value)));
  const state = allocateState(shape);
  for (const { weights } of state.dense) fillRepeating(weights, shape.dense[0]?.initialDeviation ?? 1);
  return { spec, state, rows };
}

/** Normal values, of which few are drawn: a million would take longer than everything else. */
function fillRepeating(values: Float32Array, deviation: number): void {
  const some = new Float32Array(Math.min(values.length, 4099));
  new RandomStream(1, 'test').fillNormal(some, deviation);
  for (let at = 0; at < values.length; at += some.length) values.set(some.subarray(0, values.length - at), at);
}

function openRunner(
  kernels: Kernels,
  precision: Precision,
  spec: RunSpec,
  state: LayerState,
  rows: Float32Array,
): Runner {
  const opened = openForTraining(kernels, spec, state, CLASSES, 2);
  const objective = layerObjective(spec);
  const labels = new Uint8Array(spec.batch);
  let steps = 0;
  const step = (): void => {
    // So small a rate that gradients stay as they are, however often the same rows come.
    const rule = updateRule(spec, 1e-6, steps++, 0);
    objective.step(opened, { prefix: rows, batch: 2 * spec.batch, variants: 1 }, labels, rule, rule);
  };
  return { precision, kernels, opened, step, taken: [] };
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}
