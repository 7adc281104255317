/** Two histograms over the same bins, and how much they overlap. */
import type { GoodnessHistogram } from './analysis.js';

const BINS = 40;

/**
 * The histogram of a layer's `positive` and `negative` goodness, one value a row. Bins go from 0 to the largest of the two
 * 99.5 % quantiles, so that a single far row does not squeeze all others into one bin.
 * @param threshold θ, where the objective has one.
 */
export function goodnessHistogram(
  positive: Float32Array,
  negative: Float32Array,
  threshold: number | undefined,
): GoodnessHistogram {
  const to = Math.max(quantile(positive, 0.995), quantile(negative, 0.995), threshold ?? 0) || 1;
  const p = counts(positive, to);
  const n = counts(negative, to);
  let overlap = 0;
  for (let bin = 0; bin < BINS; bin++)
    overlap += Math.min((p[bin] as number) / positive.length, (n[bin] as number) / negative.length);
  const histogram = { from: 0, to, positive: p, negative: n, overlap };
  if (threshold === undefined) return histogram;
  const above = (values: Float32Array): number =>
    values.reduce((sum, value) => sum + (value > threshold ? 1 : 0), 0) / values.length;
  return { ...histogram, positiveBelow: 1 - above(positive), negativeAbove: above(negative) };
}

function counts(values: Float32Array, to: number): number[] {
  const bins = Array.from({ length: BINS }, () => 0);
  for (const value of values) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor((value / to) * BINS)));
    bins[bin] = (bins[bin] as number) + 1;
  }
  return bins;
}

function quantile(values: Float32Array, share: number): number {
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
