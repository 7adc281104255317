/**
 * The probe of a backend's numerics: a small layer, and a small block of convolutions where the backend has them, is trained and used, what works
 * on rows is done once, and the bits of all that comes out are compared with those of the reference. A backend that claims exact numerics and
 * fails is not opened; nor is one of another build that lacks a function which the probe calls.
 */
import { PffError } from '../errors.js';
import { RandomStream } from '../random.js';
import { averagesInJavaScript, pooledValues } from './averages.js';
import { BitDigest } from './bit-digest.js';
import { labelsOf, planeValues, stageParameters, type Stage, type StageTensors } from './block/contract.js';
import { doubleProductsInJavaScript } from './double-products.js';
import { dropoutMask } from './dropout.js';
import type { AdamRule, DenseTensors, Kernels, LayerInput, SgdRule } from './kernels.js';

/** What `probeDigest` gives for exact numerics, by id; test/kernels/probe.test.ts takes them from the reference. */
export const probeDigests: Readonly<Record<string, string>> = {
  'f32-fma/1': 'a4d953a25d14ac1b',
  'bf16-dot/1': '9326ad5f3122ad92',
  'bf16-tile/1': '58e4388cbb80cf3e',
};

/** The same of `probeBlockDigest`. */
export const probeBlockDigests: Readonly<Record<string, string>> = {
  'f32-fma/1': '4ba37e096fb610d7',
  'bf16-dot/1': '36c6678067abd945',
  'bf16-tile/1': '8d4e67c7a8a0a343',
};

/** The same of `probeRowsDigest`, which no precision changes. */
export const PROBE_ROWS_DIGEST = '342abca6e1509fe0';

/** More than two blocks of 32 inputs, no multiple of a vector's length anywhere. */
const [PREFIX, SUFFIX, OUTPUTS, BATCH, VARIANTS] = [70, 5, 37, 9, 2] as const;
const ADAM: AdamRule = {
  kind: 'adam',
  beta1: 0.9,
  beta2: 0.999,
  stepSize: 0.01,
  epsilonSquared: 1e-14,
  keep: 0.999,
};
const SGD: SgdRule = { kind: 'sgd', momentum: 0.9, stepSize: 0.05, keep: 0.999 };

/**
 * Proves that `kernels` compute what their numerics promise; does nothing for numerics that are not exact.
 * @throws PffError `kernels` where the bits differ, or where no probe is known for the numerics.
 */
export async function proveNumerics(kernels: Kernels): Promise<void> {
  const { id, exact } = kernels.numerics;
  if (!exact) return;
  if ((await probeDigest(kernels)) !== probeDigests[id]) failProof(kernels);
  if ((await probeRowsDigest(kernels)) !== PROBE_ROWS_DIGEST) failProof(kernels);
  if (kernels.openBlock) await proveBlocks(kernels);
}

/** The same of blocks of convolutions alone, for a backend that proves them when they are first asked for. */
export async function proveBlocks(kernels: Kernels): Promise<void> {
  const { id, exact } = kernels.numerics;
  if (exact && (await probeBlockDigest(kernels)) !== probeBlockDigests[id]) failProof(kernels);
}

/** @throws PffError `kernels` */
export function failProof({ name, numerics: { id } }: Kernels): never {
  throw new PffError('kernels', `the ${name} kernels do not compute the bits of ${id} on this machine`, {
    hint: 'Use --kernels reference or another instruction set, and please report the CPU and the compiler.',
  });
}

/** The bits of a short training and of every other operation, as a digest of 16 hex digits. */
export async function probeDigest(kernels: Kernels): Promise<string> {
  const digest = new BitDigest();
  const stream = new RandomStream(1, 'probe');
  const inputs = PREFIX + SUFFIX;
  const normal = (length: number, deviation: number) => {
    const values = new Float32Array(length);
    stream.fillNormal(values, deviation);
    return values;
  };
  const tensors: DenseTensors = {
    inputs,
    outputs: OUTPUTS,
    weights: normal(inputs * OUTPUTS, 0.3),
    bias: normal(OUTPUTS, 0.1),
    weightMoment1: normal(inputs * OUTPUTS, 1e-3),
    biasMoment1: normal(OUTPUTS, 1e-3),
    weightMoment2: normal(inputs * OUTPUTS, 1e-3).map((value) => value * value),
    biasMoment2: normal(OUTPUTS, 1e-3).map((value) => value * value),
  };
  // Values that bf16 counts as 0, a moment on its way to become subnormal, and ties of rounding.
  tensors.weights.set([2 ** -41, -(2 ** -40), 1 + 2 ** -8, 0]);
  tensors.weightMoment1.set([2 ** -96, 2 ** -94]);
  const rows = BATCH * VARIANTS;
  const prefix = normal(BATCH * PREFIX, 1).map((value) => (value < -0.5 ? 0 : value));
  const suffix = new Float32Array(rows * SUFFIX);
  for (let r = 0; r < rows; r++) suffix[r * SUFFIX + (r % SUFFIX)] = r % 3 === 0 ? 0.1 : 1;
  const input: LayerInput = { prefix, batch: BATCH, variants: VARIANTS, suffix };
  const layer = await kernels.openDense(tensors, { activation: 'relu', maxRows: rows, suffixInputs: SUFFIX });
  try {
    for (const [step, rule] of [ADAM, SGD, ADAM].entries()) {
      const sumSquares = new Float32Array(rows);
      await layer.forward(input, sumSquares);
      digest.add(sumSquares);
      digest.add(await layer.activations());
      const values = normal(rows * OUTPUTS, 0.1);
      const delta = step === 1 ? { values } : { rowScale: values.slice(0, rows) };
      const gradient = new Float32Array(rows * inputs);
      await layer.inputGradient(delta, gradient);
      digest.add(gradient);
      await layer.update(delta, rule);
    }
    const activations = new Float32Array(rows * OUTPUTS);
    await layer.infer(input, { activations, normalise: true });
    digest.add(activations);
    await layer.read(tensors);
  } finally {
    layer.close();
  }
  for (const values of Object.values(tensors)) if (values instanceof Float32Array) digest.add(values);
  return digest.hex();
}

/** Few, since the reference takes long for them. */
const IMAGES = 2;
/** Windows that are packed and, with channels in eights or 32s, read as they lie; both kinds of norm and of pool. */
const STAGES: readonly Stage[] = [
  {
    from: { channels: 3, height: 9, width: 8 },
    outputs: 32,
    kernel: 3,
    stride: 1,
    padding: 1,
    groups: 1,
    norm: { kind: 'batch' },
    leak: 0.25,
    pool: { kind: 'max', size: 2, stride: 2 },
  },
  {
    from: { channels: 32, height: 4, width: 4 },
    outputs: 18,
    kernel: 3,
    stride: 1,
    padding: 1,
    groups: 1,
    norm: { kind: 'group', groups: 3 },
    leak: 0,
    pool: { kind: 'average', size: 3, stride: 1 },
  },
];

/** The same of a block of convolutions, by default that of the probe; undefined where the backend has none. */
export async function probeBlockDigest(kernels: Kernels, stages = STAGES): Promise<string | undefined> {
  if (!kernels.openBlock) return undefined;
  const digest = new BitDigest();
  const stream = new RandomStream(2, 'probe');
  const normal = (length: number, deviation: number) => {
    const values = new Float32Array(length);
    stream.fillNormal(values, deviation);
    return values;
  };
  const tensors = stages.map((stage, s): StageTensors => {
    const lengths = stageParameters(stage, labelsOf(stages, s, SUFFIX)).map(({ shape }) =>
      shape.reduce((product, side) => product * side, 1),
    );
    const squares = (deviation: number) => lengths.map((length) => normal(length, deviation).map((x) => x * x));
    // Squares serve as variances, too.
    return {
      parameters: squares(0.6).map((values, i) => (i === 0 ? normal(values.length, 0.3) : values)),
      moment1: lengths.map((length) => normal(length, 1e-3)),
      moment2: squares(1e-3),
    };
  });
  const rows = IMAGES * VARIANTS;
  const suffix = normal(rows * SUFFIX, 1).map((value) => Math.max(0, value));
  const input: LayerInput = {
    prefix: normal(IMAGES * planeValues((stages[0] as Stage).from), 1),
    batch: IMAGES,
    variants: VARIANTS,
    suffix,
  };
  const block = await kernels.openBlock(stages, tensors, { channelsFirst: true, labels: SUFFIX, maxRows: rows });
  try {
    for (const rule of [ADAM, SGD]) {
      await block.forward(input);
      const activations = await block.activations();
      digest.add(activations);
      await block.update({ values: normal(activations.length, 0.1) }, rule);
    }
    const activations = new Float32Array(rows * block.outputs);
    await block.infer(input, { activations, normalise: true });
    digest.add(activations);
    await block.read(tensors);
  } finally {
    block.close();
  }
  for (const { parameters, moment1, moment2 } of tensors)
    for (const values of [...parameters, ...moment1, ...moment2]) digest.add(values);
  return digest.hex();
}

/** The same of what works on rows: bytes staged, values and channels dropped, averages of planes, products of doubles. */
export async function probeRowsDigest(kernels: Kernels): Promise<string> {
  const digest = new BitDigest();
  const stream = new RandomStream(3, 'probe');
  const [count, skip, side] = [5, 10, 9];
  const planes = { channels: 2, height: side, width: side };
  const values = new Float32Array(count * planeValues(planes));
  stream.fillNormal(values, 1);
  const width = planeValues(planes) + skip;
  const bytes = Uint8Array.from({ length: count * width }, () => stream.uint32() & 255);
  const order = Uint32Array.of(3, 0, 4);
  const staged = new Float32Array(order.length * (width - skip));
  await kernels.stageBytes(bytes, width, skip, order, new Float32Array(count).fill(1 / 255), staged);
  digest.add(staged);
  const mask = dropoutMask(Uint32Array.of(1, 2, 3, 4, 5), 0.3);
  for (const channels of [undefined, planes.channels]) {
    const kept = new Float32Array(values.length);
    const sumSquares = new Float32Array(count);
    await kernels.dropout({ values, width: width - skip, count, channels }, mask, kept, sumSquares);
    digest.add(kept);
    digest.add(sumSquares);
  }
  const onPlanes = kernels.averages ?? averagesInJavaScript;
  const shape = { planes, side: 4 };
  const averages = new Float32Array(order.length * pooledValues(shape));
  onPlanes.average(values, order, order.length, shape, averages);
  digest.add(averages);
  const spreadOut = new Float32Array(order.length * planeValues(planes));
  onPlanes.spread(averages, order.length, shape, spreadOut);
  digest.add(spreadOut);
  const products = new Float64Array(side * side);
  const doubles = Float64Array.from(values.subarray(0, side * side), (value) => value / 3);
  const multiply = kernels.doubleProducts ?? doubleProductsInJavaScript;
  multiply(doubles, doubles, { rows: side, terms: side, columns: side }, products);
  digest.add(products);
  return digest.hex();
}
