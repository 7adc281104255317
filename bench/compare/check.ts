/** Whether a peer computed what we computed: losses, and weights or activations, within a stated tolerance. */
import type { Computed } from './contender.js';

/**
 * Losses may differ by 1e-4 of their size; values by these shares of the norm of what is compared, which for trained weights
 * is the way they went. That is more than rounding because Adam's first steps have the size of the learning rate however
 * small a gradient is, so where a gradient is rounding noise its sign is too; and an epoch adds the layers below.
 */
export const TOLERANCE = { loss: 1e-4, trained: 0.01, epoch: 0.03, inferred: 1e-4 } as const;
export type Allowed = Exclude<keyof typeof TOLERANCE, 'loss'>;

export interface Difference {
  /** Largest relative difference of a loss; 0 if there are none. */
  readonly loss: number;
  /** Norm of the difference over the norm of what is compared. */
  readonly values: number;
  readonly ok: boolean;
}

/** @param before the values before training, from which the way is counted; absent for inference. */
export function compare(theirs: Computed, ours: Computed, kind: Allowed, before?: Float32Array): Difference {
  const lengths = theirs.values.length === ours.values.length && theirs.losses.length === ours.losses.length;
  if (!lengths) return { loss: Number.POSITIVE_INFINITY, values: Number.POSITIVE_INFINITY, ok: false };
  const loss = ours.losses.reduce(
    (worst, one, i) => larger(worst, Math.abs((theirs.losses[i] as number) - one) / Math.abs(one)),
    0,
  );
  let [difference, size] = [0, 0];
  ours.values.forEach((value, i) => {
    difference += ((theirs.values[i] as number) - value) ** 2;
    size += (value - (before?.[i] ?? 0)) ** 2;
  });
  const values = Math.sqrt(difference / size);
  // A NaN is no number below the tolerance.
  return { loss, values, ok: loss <= TOLERANCE.loss && values <= TOLERANCE[kind] };
}

function larger(a: number, b: number): number {
  return Number.isNaN(b) ? b : Math.max(a, b);
}
