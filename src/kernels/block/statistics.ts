/** Rule 9 and the sums of rule 11: from sums of rows to mean, scale and gradients. A few values a channel, so TypeScript for all backends. */
import { fma } from '../reference/fma.js';
import type { Norm } from './contract.js';
import type { Normalisation, PlaneOperations, PlaneShape } from './operations.js';

const { fround } = Math;
const EPSILON = fround(1e-5);
const MOMENTUM = fround(0.1);

export interface Statistics extends Normalisation {
  /** [O], of a batch only. */
  readonly variance: Float32Array;
  /** Values behind each mean. */
  readonly count: number;
}

/** 1 / sqrt(variance + 1e-5) */
export function inverseOf(variance: number): number {
  return fround(1 / fround(Math.sqrt(fround(variance + EPSILON))));
}

/** Sums of columns of `values` [rows, width], in order. */
function columnSums(values: Float32Array, rows: number, width: number): Float32Array {
  const sums = new Float32Array(width);
  for (let r = 0, at = 0; r < rows; r++)
    for (let o = 0; o < width; o++, at++) sums[o] = (sums[o] as number) + (values[at] as number);
  return sums;
}

/** Of a batch, or of the groups or the positions of each row of z. */
export function statistics(
  operations: PlaneOperations,
  norm: Norm,
  z: Float32Array,
  rows: number,
  shape: PlaneShape,
  gamma: Float32Array,
  beta: Float32Array,
): Statistics {
  if (norm.kind === 'batch') return ofBatch(operations, z, rows, shape, gamma, beta);
  if (norm.kind === 'group') return ofGroups(operations, norm.groups, z, rows, shape, gamma, beta);
  const positions = rows * shape.height * shape.width;
  const mean = new Float32Array(positions);
  const inverse = new Float32Array(positions);
  operations.positionSums(z, rows, shape, norm.centred, mean, inverse);
  const variance = new Float32Array(0);
  return { by: 'position', mean, scale: gamma, shift: beta, inverse, variance, count: shape.channels };
}

function ofBatch(
  operations: PlaneOperations,
  z: Float32Array,
  rows: number,
  shape: PlaneShape,
  gamma: Float32Array,
  beta: Float32Array,
): Statistics {
  const { channels } = shape;
  const count = rows * shape.height * shape.width;
  const share = fround(1 / count);
  const byRow = new Float32Array(rows * channels);
  operations.sums(z, rows, shape, undefined, false, byRow);
  const mean = columnSums(byRow, rows, channels).map((sum) => sum * share);
  operations.sums(z, rows, shape, mean, false, byRow);
  const variance = columnSums(byRow, rows, channels).map((sum) => sum * share);
  return { ...running(mean, variance, gamma, beta), variance, count };
}

/** As a batch of this mean and variance [O] is normalised. */
export function running(
  mean: Float32Array,
  variance: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
): Omit<Statistics, 'count'> {
  const inverse = variance.map(inverseOf);
  const scale = inverse.map((each, o) => (gamma[o] as number) * each);
  return { by: 'channel', mean, scale, shift: beta, inverse, variance };
}

function ofGroups(
  operations: PlaneOperations,
  groups: number,
  z: Float32Array,
  rows: number,
  shape: PlaneShape,
  gamma: Float32Array,
  beta: Float32Array,
): Statistics {
  const { channels } = shape;
  const width = channels / groups;
  const count = width * shape.height * shape.width;
  const share = fround(1 / count);
  const byRow = new Float32Array(rows * channels);
  const inGroup = (at: number): number => {
    let sum = 0;
    for (let o = at; o < at + width; o++) sum = fround(sum + (byRow[o] as number));
    return fround(sum * share);
  };
  const mean = new Float32Array(rows * channels);
  operations.sums(z, rows, shape, undefined, true, byRow);
  for (let at = 0; at < mean.length; at += width) mean.fill(inGroup(at), at, at + width);
  operations.sums(z, rows, shape, mean, true, byRow);
  const inverse = new Float32Array(rows * groups);
  const scale = new Float32Array(rows * channels);
  for (let j = 0; j < inverse.length; j++) {
    const each = inverseOf(inGroup(j * width));
    inverse[j] = each;
    for (let o = j * width; o < (j + 1) * width; o++) scale[o] = (gamma[o % channels] as number) * each;
  }
  return { by: 'row', mean, scale, shift: beta, inverse, variance: new Float32Array(0), count };
}

/** One step of the running mean and variance, in place; none after a batch of one value, of which no variance is known. */
export function advance(
  runningMean: Float32Array,
  runningVariance: Float32Array,
  { mean, variance, count }: Statistics,
): void {
  if (count === 1) return;
  const unbiased = fround(count / (count - 1));
  for (let o = 0; o < mean.length; o++) {
    const old = runningMean[o] as number;
    const oldVariance = runningVariance[o] as number;
    const found = fround((variance[o] as number) * unbiased);
    runningMean[o] = fma(MOMENTUM, fround((mean[o] as number) - old), old);
    runningVariance[o] = fma(MOMENTUM, fround(found - oldVariance), oldVariance);
  }
}

/** The gradients by gamma and beta, and a and b of rule 11 (empty by position, which finds them itself). */
export interface NormGradients {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/** From S1 and S2 [R, O]. */
export function normGradients(
  norm: Norm,
  found: Statistics,
  gamma: Float32Array,
  sums1: Float32Array,
  sums2: Float32Array,
  rows: number,
): NormGradients {
  const { inverse, scale, count } = found;
  const channels = gamma.length;
  const share = fround(1 / count);
  const beta = columnSums(sums1, rows, channels);
  if (norm.kind === 'position') {
    const none = new Float32Array(0);
    return { gamma: columnSums(sums2, rows, channels), beta, a: none, b: none };
  }
  if (norm.kind === 'batch') {
    const total = columnSums(sums2, rows, channels);
    return {
      gamma: total.map((sum, o) => (inverse[o] as number) * sum),
      beta,
      a: beta.map((sum, o) => (scale[o] as number) * fround(sum * share)),
      b: total.map((sum, o) => {
        const each = inverse[o] as number;
        return fround((scale[o] as number) * fround(each * each)) * fround(sum * share);
      }),
    };
  }
  const width = channels / norm.groups;
  const a = new Float32Array(rows * channels);
  const b = new Float32Array(rows * channels);
  const slope = new Float32Array(channels);
  for (let j = 0; j < rows * norm.groups; j++) {
    const each = inverse[j] as number;
    let t1 = 0;
    let t2 = 0;
    for (let at = j * width; at < (j + 1) * width; at++) {
      const o = at % channels;
      t1 = fma(gamma[o] as number, sums1[at] as number, t1);
      t2 = fma(gamma[o] as number, sums2[at] as number, t2);
      slope[o] = fma(each, sums2[at] as number, slope[o] as number);
    }
    a.fill(each * fround(t1 * share), j * width, (j + 1) * width);
    b.fill(fround(each * fround(each * each)) * fround(t2 * share), j * width, (j + 1) * width);
  }
  return { gamma: slope, beta, a, b };
}
