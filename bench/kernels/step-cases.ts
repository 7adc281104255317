/** The steps that training and prediction are made of, at the sizes of the paper's network. */
import type { AdamRule, LayerInput, SyncDenseKernel, SyncKernels } from '../../src/kernels/kernels.js';
import { RandomStream } from '../../src/random.js';
import type { Case } from './measure.js';

const rule: AdamRule = { kind: 'adam', beta1: 0.9, beta2: 0.999, stepSize: 1e-3, epsilonSquared: 1e-16, keep: 1 };

function normal(length: number, deviation: number, seed: number): Float32Array {
  const out = new Float32Array(length);
  new RandomStream(seed, 'test').fillNormal(out, deviation);
  return out;
}

/** Values as a layer gets them: about half of them 0. */
function activations(length: number, seed: number): Float32Array {
  return normal(length, 1 / 30, seed).map((x) => Math.max(0, x));
}

function openLayer(
  kernels: SyncKernels,
  inputs: number,
  outputs: number,
  suffixInputs: number,
  maxRows: number,
): SyncDenseKernel {
  const tensors = {
    inputs,
    outputs,
    weights: normal(inputs * outputs, 1 / Math.sqrt(inputs), 1),
    bias: new Float32Array(outputs),
    weightMoment1: new Float32Array(inputs * outputs),
    weightMoment2: new Float32Array(inputs * outputs),
    biasMoment1: new Float32Array(outputs),
    biasMoment2: new Float32Array(outputs),
  };
  return kernels.openDense(tensors, { activation: 'relu', maxRows, suffixInputs });
}

/** One-hot suffixes [V · batch, 10]; with ten variants row v · batch + b has label v. */
function labels(batch: number, variants: number): Float32Array {
  const out = new Float32Array(batch * variants * 10);
  for (let r = 0; r < batch * variants; r++) out[r * 10 + ((variants === 10 ? Math.floor(r / batch) : r) % 10)] = 1;
  return out;
}

/** Forward pass, gradient with Adam, both, and the gradient by the inputs, of one layer on `rows` rows. */
function trainingCases(what: string, dense: SyncDenseKernel, input: LayerInput, flop: number): Case[] {
  const rows = input.batch * input.variants;
  const sums = new Float32Array(rows);
  const delta = { rowScale: normal(rows, 0.01, 3) };
  const gradient = new Float32Array(rows * dense.inputs);
  return [
    { name: `${what}: forward`, flop, run: () => dense.forward(input, sums) },
    { name: `${what}: gradient + Adam`, flop, run: () => dense.update(delta, rule) },
    {
      name: `${what}: whole step`,
      flop: 2 * flop,
      run: () => {
        dense.forward(input, sums);
        dense.update(delta, rule);
      },
    },
    { name: `${what}: input gradient`, flop, run: () => dense.inputGradient(delta, gradient) },
  ];
}

export const ADAM_PASS = '8 rows, 2000 → 2000: gradient + Adam';
export const FULL_SIZE = '128 rows, 2000 → 2000';
export const SHARED = '64 pairs, 784 → 2000, image part shared';
export const UNSHARED = '64 pairs, 784 → 2000, nothing shared';

/** All cases; FLOP counts are of what the layer computes, with nothing saved, so that shared cases compare by time. */
export function stepCases(kernels: SyncKernels): { cases: Case[]; close: () => void } {
  const flop = (rows: number, inputs: number, outputs: number) => 2 * rows * inputs * outputs;
  const hidden = openLayer(kernels, 2000, 2000, 0, 128);
  const shared = openLayer(kernels, 784, 2000, 10, 128);
  const unshared = openLayer(kernels, 784, 2000, 0, 128);
  const head = openLayer(kernels, 6000, 10, 0, 64);
  const few = openLayer(kernels, 2000, 2000, 0, 8);
  // So few rows that little but the pass over weights and moments is left.
  const fewInput = { prefix: activations(8 * 2000, 7), batch: 8, variants: 1 };
  few.forward(fewInput);
  const fewDelta = { rowScale: normal(8, 0.01, 8) };

  const images = activations(128 * 784, 2);
  const pair: LayerInput = { prefix: images.subarray(0, 64 * 774), batch: 64, variants: 2, suffix: labels(64, 2) };
  const ten: LayerInput = { ...pair, variants: 10, suffix: labels(64, 10) };
  const predicted = new Float32Array(640 * 2000);
  const hiddenSums = new Float32Array(640);
  const hiddenInput: LayerInput = { prefix: activations(640 * 2000, 4), batch: 640, variants: 1 };

  const cases: Case[] = [
    ...trainingCases(
      FULL_SIZE,
      hidden,
      { prefix: activations(128 * 2000, 5), batch: 128, variants: 1 },
      flop(128, 2000, 2000),
    ),
    ...trainingCases(SHARED, shared, pair, flop(128, 784, 2000)),
    ...trainingCases(UNSHARED, unshared, { prefix: images, batch: 128, variants: 1 }, flop(128, 784, 2000)),
    ...trainingCases(
      'head, 64 rows, 6000 → 10',
      head,
      { prefix: activations(64 * 6000, 6), batch: 64, variants: 1 },
      flop(64, 6000, 10),
    ),
    {
      name: ADAM_PASS,
      flop: flop(8, 2000, 2000),
      run: () => few.update(fewDelta, rule),
    },
    {
      name: 'prediction, 64 images, first layer, ten labels at once',
      flop: flop(640, 784, 2000),
      run: () => shared.infer(ten, { activations: predicted, normalise: true }),
    },
    {
      name: 'prediction, 64 images, first layer, label by label',
      flop: flop(640, 784, 2000),
      run: () => {
        for (let label = 0; label < 10; label++)
          unshared.infer(
            { prefix: images, batch: 64, variants: 1 },
            { activations: predicted.subarray(0, 64 * 2000), normalise: true },
          );
      },
    },
    {
      name: 'prediction, 640 rows, 2000 → 2000, goodness only',
      flop: flop(640, 2000, 2000),
      run: () => hidden.infer(hiddenInput, { sumSquares: hiddenSums }),
    },
    {
      name: 'prediction, 640 rows, 2000 → 2000, normalised',
      flop: flop(640, 2000, 2000),
      run: () => hidden.infer(hiddenInput, { activations: predicted, normalise: true, sumSquares: hiddenSums }),
    },
  ];
  const close = () => {
    for (const dense of [hidden, shared, unshared, head, few]) dense.close();
  };
  return { cases, close };
}
