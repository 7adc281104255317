/**
 * Numerics: the name of an arithmetic. Two backends with the same exact numerics give the same bits, so their nodes may
 * share a run; a backend that cannot be exact has numerics of its own, with the tolerance that was measured for it.
 */
import { z } from 'zod';

/** What the operands of the big products are rounded to, and in which order their products are added. */
export type Precision = 'f32' | 'bf16' | 'bf16-tile';

export type Numerics =
  | { readonly id: string; readonly exact: true }
  /** `tolerance`: the largest relative difference of a result from that of the reference. */
  | { readonly id: string; readonly exact: false; readonly tolerance: number };

/** For records that travel. */
export const numericsSchema: z.ZodType<Numerics> = z.discriminatedUnion('exact', [
  z.strictObject({ id: z.string().max(100), exact: z.literal(true) }),
  z.strictObject({ id: z.string().max(100), exact: z.literal(false), tolerance: z.number().nonnegative() }),
]);

/** The exact numerics that a precision asks for: the numeric rules of kernels.ts, in its classes of operands. */
export const exactNumerics: { readonly [P in Precision]: Numerics & { readonly exact: true } } = {
  f32: { id: 'f32-fma/1', exact: true },
  bf16: { id: 'bf16-dot/1', exact: true },
  'bf16-tile': { id: 'bf16-tile/1', exact: true },
};

/** The precisions there are. */
export const precisions = Object.keys(exactNumerics) as readonly Precision[];

/** Whether results of one may stand for results of the other: the same arithmetic, by name. */
export function sameNumerics(a: Numerics, b: Numerics): boolean {
  return a.id === b.id && a.exact === b.exact;
}

/** For people: `f32-fma/1`, or `webgpu-f32/1 (within 1e-5, not comparable across devices)`. */
export function describeNumerics(numerics: Numerics): string {
  return numerics.exact
    ? numerics.id
    : `${numerics.id} (within ${numerics.tolerance}, digests are not comparable across devices)`;
}
