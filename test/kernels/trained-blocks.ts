/** Short trainings of blocks of convolutions, for the tests of backends. */
import type { AdamRule, BlockKernel, Kernels, LayerInput, SgdRule, SyncKernels } from '../../src/kernels/kernels.js';
import type { Precision } from '../../src/kernels/numerics.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { normal, optionsOf, randomStages, stagesOf, zeroStages, type BlockCase } from './blocks.js';
import { atOnce, awaited, type Watched } from './watched.js';

const ADAM: AdamRule = {
  kind: 'adam',
  beta1: 0.9,
  beta2: 0.999,
  stepSize: 0.01,
  epsilonSquared: 1e-14,
  keep: 0.999,
};
const SGD: SgdRule = { kind: 'sgd', momentum: 0.9, stepSize: 0.05, keep: 0.999 };

export interface TrainedCase extends BlockCase {
  readonly batch: number;
}

/** Each kind of norm, activation and pool; windows that overlap, even ones, groups, labels; stages before the first convolution. */
export const casesOfDevices: readonly TrainedCase[] = [
  { image: '3x7x5', block: 'conv21+leaky+max2', batch: 3, labels: 4, variants: 2 },
  { image: '2x8x8', block: 'conv6+bn+max2+conv18g2+ln+leaky+max3s1', batch: 3, labels: 3, variants: 2 },
  { image: '6x7x7', block: 'conv9g3+gn3+linear+avg3s2', batch: 3 },
  { image: '5x6x6', block: 'conv18k5s2+ln2d+leaky0.2', batch: 2 },
  { image: '2x8x6', block: 'bn+leaky0.5+avg2+conv17+rms+max2', batch: 3, labels: 3, variants: 2 },
  { image: '3x13x13', block: 'max2s3+conv9+relu+bn+max2+max2', batch: 3 },
  { image: '2x6x6', block: 'conv7k6p0+bn', batch: 1 },
];

/** What a short training leaves behind, and what inference then gives. */
export function trained(kernels: SyncKernels, test: TrainedCase): Float32Array[] {
  return atOnce(watched(kernels, test));
}

/** The same on a device. */
export function trainedOnDevice(kernels: Kernels, test: TrainedCase): Promise<Float32Array[]> {
  return awaited(watched(kernels, test));
}

function* watched(kernels: Kernels, test: TrainedCase): Watched<Float32Array[]> {
  const { image, labels = 0, variants = 1, batch } = test;
  const stages = stagesOf(test);
  const rows = batch * variants;
  const values = image.split('x').reduce((product, side) => product * Number(side), 1);
  const kernel = (yield kernels.openBlock?.(
    stages,
    randomStages(stages, labels),
    optionsOf(test, rows),
  )) as BlockKernel;
  const prefix = normal((batch + 2) * values, 1, 1).map((x) => (x < -0.7 ? 0 : x));
  const input: LayerInput = {
    prefix,
    rows: Uint32Array.from({ length: batch }, (_, b) => batch + 1 - b),
    batch,
    variants,
    ...(labels > 0 ? { suffix: normal(rows * labels, 1, 2).map((x) => (x < 0 ? 0 : x)) } : {}),
  };
  const found: Float32Array[] = [];
  for (const [step, rule] of [ADAM, SGD, ADAM].entries()) {
    const sumSquares = new Float32Array(rows);
    yield kernel.forward(input, sumSquares);
    found.push(sumSquares, ((yield kernel.activations()) as Float32Array).slice());
    const given = normal(rows * kernel.outputs, 0.1, 3 + step);
    const delta = step === 1 ? { rowScale: given.slice(0, rows) } : { values: given };
    if (labels === 0) {
      const below = new Float32Array(rows * kernel.inputs);
      yield kernel.inputGradient(delta, below);
      found.push(below);
    }
    yield kernel.update(delta, rule);
  }
  const activations = new Float32Array(rows * kernel.outputs);
  const sumSquares = new Float32Array(rows);
  yield kernel.infer(input, { activations, normalise: true, sumSquares });
  const after = zeroStages(stages, labels);
  yield kernel.read(after);
  kernel.close();
  return [
    ...found,
    activations,
    sumSquares,
    ...after.flatMap((each) => [each.parameters, each.moment1, each.moment2].flat()),
  ];
}

/** The first array that differs from the reference's and where, of a short training on a device. */
export async function blockDifference(
  kernels: Kernels,
  precision: Precision,
  test: TrainedCase,
): Promise<string | undefined> {
  const found = bits(await trainedOnDevice(kernels, test));
  const expected = bits(trained(openReference(precision), test));
  if (found.length !== expected.length) return `${found.length} arrays, not ${expected.length}`;
  for (const [i, each] of expected.entries()) {
    const at = each.findIndex((word, j) => word !== found[i]?.[j]);
    if (at >= 0 || each.length !== found[i]?.length) return `array ${i} of ${each.length} at ${at}`;
  }
  return undefined;
}

export function bits(values: readonly Float32Array[]): Uint32Array[] {
  return values.map((each) => new Uint32Array(each.slice().buffer));
}
