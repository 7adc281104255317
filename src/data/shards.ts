/**
 * Splits a dataset among nodes that train on data of their own (Federated PFF): equal shards, or label-skewed ones after
 * Hsu, Qi, Brown (2019), where a Dirichlet distribution says how each class is spread over the shards.
 */
import type { Labels } from './label-array.js';
import { PffError } from '../errors.js';
import { exp, log } from '../math.js';
import { RandomStream } from '../random.js';

/**
 * A partition of the samples 0 … labels.length - 1 into `shards` non-empty shards, each in ascending order.
 * `skew` 0: cut from a keyed shuffle, sizes differ by at most 1. `skew` > 0: for each class, the shares of the shards are
 * drawn from a symmetric Dirichlet distribution of this concentration (small: a class lies in few shards; large: even).
 * @param labels [n], each below `classes`.
 * @throws PffError `usage` if there are more shards than samples, or a number is out of range.
 */
export function shardSamples(
  labels: Labels,
  classes: number,
  shards: number,
  skew: number,
  seed: number,
): Uint32Array[] {
  if (!Number.isInteger(shards) || shards < 1 || shards > labels.length)
    throw new PffError('usage', `${labels.length} samples cannot be split into ${shards} shards`, {
      hint: 'Give at least one shard, and no more shards than samples.',
    });
  if (!(skew >= 0 && Number.isFinite(skew)))
    throw new PffError('usage', `the label skew of shards is ${skew}, but must be 0 or more`, {
      hint: 'Give 0 for equal shards, or a concentration such as 0.5.',
    });
  const order = new RandomStream(seed, 'shards', 0).permutation(labels.length);
  if (skew === 0) return evenShards(order, shards);
  const parts = Array.from({ length: shards }, (): number[] => []);
  byClass(order, labels, classes).forEach((samples, label) => {
    const stream = new RandomStream(seed, 'shards', 1, label);
    const ends = cutPoints(dirichlet(stream, skew, shards), samples.length);
    let start = 0;
    ends.forEach((end, shard) => {
      for (; start < end; start++) parts[shard]?.push(samples[start] as number);
    });
  });
  fillEmpty(parts);
  return parts.map((part) => Uint32Array.from(part).sort());
}

function evenShards(order: Uint32Array, shards: number): Uint32Array[] {
  const at = (shard: number): number => Math.floor((shard * order.length) / shards);
  return Array.from({ length: shards }, (_, shard) => order.slice(at(shard), at(shard + 1)).sort());
}

/** The samples of each class, in the order of `order`. */
function byClass(order: Uint32Array, labels: Labels, classes: number): number[][] {
  const samples = Array.from({ length: classes }, (): number[] => []);
  for (const sample of order) {
    const label = labels[sample] as number;
    const ofClass = samples[label];
    if (ofClass === undefined)
      throw new PffError('data', `label ${label} of sample ${sample} is out of range: there are ${classes} classes`, {
        hint: 'Labels count from 0.',
      });
    ofClass.push(sample);
  }
  return samples;
}

/** Where each share of `count` samples ends: the running sum of the shares, rounded; the last is `count`. */
function cutPoints(shares: Float64Array, count: number): number[] {
  let sum = 0;
  return Array.from(shares, (share, i) => {
    sum += share;
    return i === shares.length - 1 ? count : Math.min(count, Math.round(sum * count));
  });
}

/** Gives each empty shard a sample of what is then the largest shard. */
function fillEmpty(parts: number[][]): void {
  for (const part of parts) {
    if (part.length > 0) continue;
    const largest = parts.reduce((best, each) => (each.length > best.length ? each : best));
    part.push(largest.pop() as number);
  }
}

/** `n` shares that sum to 1 (but for rounding), from a symmetric Dirichlet distribution. */
function dirichlet(stream: RandomStream, concentration: number, n: number): Float64Array {
  const shares = Float64Array.from({ length: n }, () => logGamma(stream, concentration));
  // Scaled by the largest: with a small concentration all of them may lie below the smallest double.
  const highest = shares.reduce((a, b) => Math.max(a, b));
  if (highest === Number.NEGATIVE_INFINITY) {
    // Concentrations next to 0: the limit, where one shard has all.
    const chosen = stream.below(n);
    return new Float64Array(n).fill(1, chosen, chosen + 1);
  }
  let sum = 0;
  for (let i = 0; i < n; i++) sum += shares[i] = exp((shares[i] as number) - highest);
  return shares.map((share) => share / sum);
}

/**
 * The logarithm of a draw from Gamma(shape, 1): Marsaglia & Tsang, "A simple method for generating gamma variables"
 * (2000), with its boost for shapes below 1: Gamma(a) = Gamma(a + 1) · U^(1/a).
 */
function logGamma(stream: RandomStream, shape: number): number {
  if (shape < 1) return logGamma(stream, shape + 1) + log(positiveUniform(stream)) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  const normal = new Float32Array(1);
  for (;;) {
    stream.fillNormal(normal, 1);
    const x = normal[0] as number;
    const root = 1 + c * x;
    if (root <= 0) continue;
    const v = root * root * root;
    if (log(positiveUniform(stream)) < 0.5 * x * x + d - d * v + d * log(v)) return log(d) + log(v);
  }
}

/** In (0, 1]: never 0, whose logarithm is -Infinity. */
function positiveUniform(stream: RandomStream): number {
  return 1 - stream.uniform();
}
