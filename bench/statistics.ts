/** Medians and quartiles of repetitions, and ratios of repetitions that were taken side by side. */

export interface Summary {
  readonly median: number;
  /** First and third quartile. */
  readonly low: number;
  readonly high: number;
}

/** NaN where there are no values. Quartiles are values that were measured, not interpolated. */
export function summarise(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/**
 * How many times as long `other` took as `ours`, repetition by repetition: both were taken within moments of each other,
 * so that what slows the machine slows both.
 * @throws RangeError if there are not as many of one as of the other.
 */
export function pairedRatio(other: readonly number[], ours: readonly number[]): Summary {
  if (other.length !== ours.length)
    throw new RangeError(`${other.length} repetitions cannot be paired with ${ours.length}`);
  return summarise(other.map((value, i) => value / (ours[i] as number)));
}
