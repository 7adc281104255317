/** Means over seeds and how sure they are. */

/** Student's t for a two-sided 95 % interval, by degrees of freedom from 1 on (Abramowitz and Stegun, table 26.10). */
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

export interface MeanOf {
  readonly mean: number;
  /** Half the width of the 95 % confidence interval of the mean; undefined for one value, which says nothing of it. */
  readonly halfWidth: number | undefined;
  readonly count: number;
}

/** Mean of `values` (at least one) with its 95 % interval, by Student's t. */
export function meanOf(values: readonly number[]): MeanOf {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, halfWidth: undefined, count };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return { mean, halfWidth: t95(count - 1) * Math.sqrt(variance / count), count };
}

/** Beyond the table: the first terms of the Cornish-Fisher expansion around 1.95996 (26.7.5 there). */
export function t95(freedom: number): number {
  const x = 1.959964;
  const expanded = x + (x ** 3 + x) / (4 * freedom) + (5 * x ** 5 + 16 * x ** 3 + 3 * x) / (96 * freedom ** 2);
  return T95[freedom - 1] ?? expanded;
}

/** The middle value; of an even number, the mean of the two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}
