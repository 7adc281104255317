/** Random layers, inputs and deltas for the tests of the kernels, and a run of all operations over one. */
import type {
  AdamRule,
  Delta,
  DenseKernel,
  DenseTensors,
  Kernels,
  LayerInput,
  SgdRule,
  SyncKernels,
} from '../../src/kernels/kernels.js';
import { RandomStream } from '../../src/random.js';
import { atOnce, awaited } from './watched.js';

export interface Shape {
  readonly prefix: number;
  readonly suffix: number;
  readonly outputs: number;
  readonly batch: number;
  readonly variants: number;
  readonly activation: 'relu' | 'linear';
  readonly delta: 'rowScale' | 'values';
  readonly optimizer: 'adam' | 'sgd';
  /** Gather the rows of a batch by index, with repeats, or take them as they lie. */
  readonly gather: boolean;
  readonly seed: number;
  readonly steps: number;
}

export const rule: AdamRule = {
  kind: 'adam',
  beta1: 0.9,
  beta2: 0.999,
  stepSize: 0.003,
  epsilonSquared: 1e-14,
  keep: 0.9999,
};
export const sgdRule: SgdRule = { kind: 'sgd', momentum: 0.9, stepSize: 0.01, keep: 0.9999 };

function normal(stream: RandomStream, length: number, deviation: number): Float32Array {
  const out = new Float32Array(length);
  stream.fillNormal(out, deviation);
  return out;
}

export function emptyTensors(inputs: number, outputs: number): DenseTensors {
  return {
    inputs,
    outputs,
    weights: new Float32Array(inputs * outputs),
    bias: new Float32Array(outputs),
    weightMoment1: new Float32Array(inputs * outputs),
    weightMoment2: new Float32Array(inputs * outputs),
    biasMoment1: new Float32Array(outputs),
    biasMoment2: new Float32Array(outputs),
  };
}

/** A layer in the midst of its training. */
export function randomTensors(inputs: number, outputs: number, seed: number): DenseTensors {
  const stream = new RandomStream(seed, 'test', 1);
  const tensors = emptyTensors(inputs, outputs);
  stream.fillNormal(tensors.weights, 1 / Math.sqrt(inputs));
  stream.fillNormal(tensors.bias, 0.1);
  stream.fillNormal(tensors.weightMoment1, 1e-3);
  stream.fillNormal(tensors.biasMoment1, 1e-3);
  for (const second of [tensors.weightMoment2, tensors.biasMoment2]) {
    stream.fillNormal(second, 1e-3);
    for (let i = 0; i < second.length; i++) second[i] = (second[i] ?? 0) ** 2;
  }
  return tensors;
}

/** Some values are 0, as pixels and activations are. Suffix rows: one-hot, or a few arbitrary values. */
export function randomInput(shape: Shape, step: number): LayerInput {
  const { batch, variants, prefix, suffix } = shape;
  const stream = new RandomStream(shape.seed, 'test', 2, step);
  const available = batch + 3;
  const values = normal(stream, available * prefix, 1);
  for (let i = 0; i < values.length; i++) if (stream.below(3) === 0) values[i] = 0;
  const rows = shape.gather ? Uint32Array.from({ length: batch }, () => stream.below(available)) : undefined;
  if (suffix === 0) return { prefix: values, rows, batch, variants: 1 };
  const labels = new Float32Array(variants * batch * suffix);
  for (let r = 0; r < variants * batch; r++) {
    labels[r * suffix + stream.below(suffix)] = 1;
    if (stream.below(4) === 0) labels[r * suffix + stream.below(suffix)] = 0.1;
  }
  return { prefix: values, rows, batch, variants, suffix: labels };
}

export function randomDelta(shape: Shape, rows: number, step: number): Delta {
  const stream = new RandomStream(shape.seed, 'test', 3, step);
  if (shape.delta === 'rowScale') return { rowScale: normal(stream, rows, 0.1) };
  return { values: normal(stream, rows * shape.outputs, 0.1) };
}

/** Trains a layer for some steps and returns everything that can be seen of it, by name. */
export function runLayer(kernels: SyncKernels, shape: Shape): Map<string, Float32Array> {
  return atOnce(watched(kernels, shape));
}

/** The same on a device. */
export async function runLayerOnDevice(kernels: Kernels, shape: Shape): Promise<Map<string, Float32Array>> {
  return awaited(watched(kernels, shape));
}

/** Yields what may be a promise, and takes its value. */
function* watched(kernels: Kernels, shape: Shape): Generator<unknown, Map<string, Float32Array>, unknown> {
  const inputs = shape.prefix + shape.suffix;
  const rows = shape.batch * (shape.suffix === 0 ? 1 : shape.variants);
  const seen = new Map<string, Float32Array>();
  const dense = (yield kernels.openDense(randomTensors(inputs, shape.outputs, shape.seed), {
    activation: shape.activation,
    maxRows: rows,
    suffixInputs: shape.suffix,
  })) as DenseKernel;
  try {
    for (let step = 0; step < shape.steps; step++) {
      const input = randomInput(shape, step);
      const delta = randomDelta(shape, rows, step);
      const sumSquares = new Float32Array(rows);
      yield dense.forward(input, sumSquares);
      seen.set(`activations ${step}`, ((yield dense.activations()) as Float32Array).slice());
      seen.set(`sumSquares ${step}`, sumSquares);
      const inputGradient = new Float32Array(rows * inputs);
      yield dense.inputGradient(delta, inputGradient);
      seen.set(`inputGradient ${step}`, inputGradient);
      yield dense.update(delta, shape.optimizer === 'sgd' ? sgdRule : rule);
    }
    const input = randomInput(shape, shape.steps);
    const activations = new Float32Array(rows * shape.outputs);
    const sumSquares = new Float32Array(rows);
    yield dense.infer(input, { activations, normalise: true, sumSquares });
    seen.set('inferred', activations);
    seen.set('inferred sumSquares', sumSquares);
    const tensors = emptyTensors(inputs, shape.outputs);
    yield dense.read(tensors);
    for (const [name, value] of Object.entries(tensors)) if (value instanceof Float32Array) seen.set(name, value);
  } finally {
    dense.close();
  }
  return seen;
}

/** The first place where two runs differ in a bit, in words; undefined if there is none. */
export function firstDifference(
  expected: ReadonlyMap<string, Float32Array>,
  found: ReadonlyMap<string, Float32Array>,
): string | undefined {
  for (const [name, a] of expected) {
    const b = found.get(name);
    if (b === undefined || a.length !== b.length) return `${name}: ${a.length} values, found ${b?.length}`;
    const aBits = new Uint32Array(a.buffer, a.byteOffset, a.length);
    const bBits = new Uint32Array(b.buffer, b.byteOffset, b.length);
    for (let i = 0; i < a.length; i++)
      if (aBits[i] !== bBits[i]) return `${name}[${i}]: expected ${a[i]}, found ${b[i]}`;
  }
  return undefined;
}
