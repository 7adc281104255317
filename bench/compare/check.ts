/** Whether a peer computed what we computed: losses, and weights or activations, within a stated tolerance. */
import type { Computed, Operands } from './contender.js';

/**
 * Losses may differ by a share of their size; values by these shares of the norm of what is compared, which for trained weights
 * is the way they went. In f32 that is more than rounding because Adam's first steps have the size of the learning rate however
 * small a gradient is, so where a gradient is rounding noise its sign is too; and an epoch adds the layers below. In bf16 the
 * peers round the results of products as well as their operands, to 8 bits each: goodness differs by some 2^-9 of its size, the
 * loss by its steepness times that, and more of the smallest gradients change their sign.
 */
export const TOLERANCES = {
  f32: { loss: 1e-4, trained: 0.01, epoch: 0.03, inferred: 1e-4 },
  bf16: { loss: 2e-3, trained: 0.1, epoch: 0.4, inferred: 4e-3 },
} as const satisfies Record<Operands, unknown>;
export type Allowed = Exclude<keyof (typeof TOLERANCES)['f32'], 'loss'>;

export interface Difference {
  /** Largest relative difference of a loss; 0 if there are none. */
  readonly loss: number;
  /** Norm of the difference over the norm of what is compared. */
  readonly values: number;
  readonly ok: boolean;
}

/** @param before the values before training, from which the way is counted; absent for inference. */
export function compare(
  theirs: Computed,
  ours: Computed,
  operands: Operands,
  kind: Allowed,
  before?: Float32Array,
): Difference {
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
  const allowed = TOLERANCES[operands];
  return { loss, values, ok: loss <= allowed.loss && values <= allowed[kind] };
}

function larger(a: number, b: number): number {
  return Number.isNaN(b) ? b : Math.max(a, b);
}
