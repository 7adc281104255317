/**
 * What all contenders work on: the paper's network with its initial weights, real MNIST images, the order of the epoch's
 * batches. Written as raw little-endian files, so that a peer in any language can read them; bench/peers/README.md lists them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawWrongLabels } from '../../src/data/negatives.js';
import { bytesOf, takeSamples, type Dataset } from '../../src/data/dataset.js';
import type { DenseTensors } from '../../src/kernels/kernels.js';
import { chapterPlan } from '../../src/model/chapter.js';
import { denseTensors } from '../../src/layers/dense.js';
import type { PartStructure, PartTensors } from '../../src/layers/layer-kind.js';
import { initialState, type LayerState } from '../../src/layers/layer-state.js';
import type { LabelledData } from '../../src/model/labelled-data.js';
import { networkStructure } from '../../src/model/network.js';
import { encodeOnnx } from '../../src/model/onnx.js';
import { RandomStream } from '../../src/random.js';
import { prepareData } from '../../src/node/prepare.js';
import { resolveSpec, type RunSpec } from '../../src/spec/spec.js';
import { encodeForwardOnnx } from './forward-onnx.js';

/** Rows of a training step (64 positive, 64 negative), images of a prediction, batches of an epoch's check. */
export const ROWS = 128;
export const PREDICTED = 256;
export const CHECKED_BATCHES = 4;
/** Learning rate where one batch is trained on again and again: so low that its loss, and with it all gradients, stay alive. */
export const STEP_RATE = 1e-4;
const CLASSES = 10;

export interface Workload {
  readonly spec: RunSpec;
  /** The same, for an epoch of `CHECKED_BATCHES` batches. */
  readonly checkSpec: RunSpec;
  readonly dataset: Dataset;
  readonly data: LabelledData;
  /** [n]: wrong labels, as RandomNEG draws them in the first chapter. */
  readonly negatives: Uint8Array;
  readonly states: readonly LayerState[];
  /** [ROWS, 2000]: non-negative rows of unit length, half of the values 0, as a layer gets them from the one below. */
  readonly hidden: Float32Array;
  /** Batches of a whole epoch. */
  readonly batches: number;
}

/** One epoch of the paper's network with random negatives at a constant learning rate and no decay, which peers all have. */
export function openWorkload(dataset: Dataset, layers: readonly number[], trainSamples: number): Workload {
  const spec = resolveSpec({
    layers: [...layers],
    epochs: 1,
    splits: 1,
    batch: 64,
    objective: 'goodness',
    negatives: 'random',
    classifier: 'goodness',
    learningRate: 0.01,
    weightDecay: 0,
    cooldownAfter: 1,
    // Ours stands inside the root and the peers' outside: so small that it makes no difference.
    epsilon: 1e-12,
    trainSamples,
    testSamples: PREDICTED,
  });
  const data = prepareData(dataset, spec).sites[0]?.data;
  if (!data) throw new RangeError('a run without data');
  return {
    spec,
    checkSpec: resolveSpec({ ...spec, trainSamples: CHECKED_BATCHES * spec.batch }),
    dataset,
    data,
    negatives: wrongLabels(bytesOf(data.samples.labels), spec),
    states: networkStructure(spec, data.layout).layers.map((each) => initialState(each, spec.seed)),
    hidden: hiddenRows(layers[1] as number),
    batches: Math.ceil(data.samples.count / spec.batch),
  };
}

/** Writes everything that peers read to `folder`. */
export function writeWorkload(workload: Workload, folder: string): void {
  const { spec, checkSpec, data, negatives, states, hidden } = workload;
  const { samples } = data;
  mkdirSync(folder, { recursive: true });
  const write = (name: string, values: Float32Array | Uint8Array | Uint32Array) =>
    writeFileSync(join(folder, name), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const checkSamples = takeSamples(samples, checkSpec.trainSamples);
  write('images.u8', samples.images);
  write('labels.u8', bytesOf(samples.labels));
  write('negatives.u8', negatives);
  write('order.u32', orderOf(spec, samples.count));
  write('check-negatives.u8', wrongLabels(bytesOf(checkSamples.labels), checkSpec));
  write('check-order.u32', orderOf(checkSpec, checkSamples.count));
  write('hidden.f32', hidden);
  states.forEach((state, layer) => {
    const tensors = tensorsOf(state);
    write(`layer${layer + 1}.f32`, layer === 0 ? pixelOrder(tensors) : tensors.weights);
  });
  write('forward.onnx', encodeForwardOnnx(tensorsOf(states[1] as LayerState), ROWS));
  write('predict.onnx', encodeOnnx(spec, data.layout, states, {}));
  const { layers, batch, learningRate, beta1, beta2, epsilon, threshold, steepness } = spec;
  const facts = {
    learningRate,
    stepLearningRate: STEP_RATE,
    beta1,
    beta2,
    epsilon,
    threshold,
    steepness,
    predicted: PREDICTED,
  };
  writeFileSync(join(folder, 'workload.json'), JSON.stringify({ layers, batch, classes: CLASSES, ...facts }));
}

/** Weights, bias and moments of a state's layer. */
export function tensorsOf({ structure, parts }: LayerState): DenseTensors {
  return denseTensors(structure.parts[0] as PartStructure, parts[0] as PartTensors);
}

/** Weights of the first layer with the label's rows where the label stands in the image: over its first values. */
export function pixelOrder({ inputs, outputs, weights }: DenseTensors): Float32Array {
  const prefix = (inputs - CLASSES) * outputs;
  const out = new Float32Array(weights.length);
  out.set(weights.subarray(prefix));
  out.set(weights.subarray(0, prefix), CLASSES * outputs);
  return out;
}

function orderOf(spec: RunSpec, count: number): Uint32Array {
  const plan = chapterPlan(
    spec,
    Uint32Array.from({ length: count }, (_, i) => i),
    0,
  );
  return Uint32Array.from(plan.batches.flatMap(({ positions }) => [...positions]));
}

function wrongLabels(labels: Uint8Array, spec: RunSpec): Uint8Array {
  const out = new Uint8Array(labels.length);
  drawWrongLabels(labels, CLASSES, { seed: spec.seed, chapter: 0 }, out);
  return out;
}

function hiddenRows(width: number): Float32Array {
  const rows = new Float32Array(ROWS * width);
  new RandomStream(1, 'test').fillNormal(rows, 1);
  for (let r = 0; r < ROWS; r++) {
    const row = rows.subarray(r * width, (r + 1) * width);
    let squares = 0;
    row.forEach((value, i) => {
      row[i] = Math.max(0, value);
      squares += Math.max(0, value) ** 2;
    });
    row.forEach((value, i) => {
      row[i] = value / Math.sqrt(squares);
    });
  }
  return rows;
}
