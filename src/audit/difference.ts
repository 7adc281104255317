/**
 * In what two results of one task differ, and what that tells: a flipped bit, another arithmetic, or another training. Who finds that
 * its result is not the published one measures it while both are there, and signs it.
 */
import { z } from 'zod';
import type { Signer, Verify } from './identity.js';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();

export const differenceSchema = z.strictObject({
  /** Who measured it. */
  key: digest,
  /** Digests of its own result, and of the published one. */
  own: digest,
  other: digest,
  /** f32 values of the state: parameters and moments. */
  values: count,
  /** How many differ, and how many of those in one bit alone. */
  differing: count,
  flipped: count,
  /** The largest difference, and the largest value of the own result: both absolute. */
  largest: z.number().nonnegative(),
  scale: z.number().nonnegative(),
  sig: z.string().regex(/^[0-9a-f]{128}$/),
});
export type Difference = z.infer<typeof differenceSchema>;
export type Measured = Omit<Difference, 'key' | 'sig' | 'own' | 'other'>;

/** @param own @param other f32 values of two states of the same size */
export function measureDifference(own: ArrayBufferLike, other: ArrayBufferLike): Measured {
  const [a, b] = [new Float32Array(own), new Float32Array(other)];
  const [x, y] = [new Uint32Array(own), new Uint32Array(other)];
  let [differing, flipped, largest, scale] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const value = a[i] as number;
    scale = Math.max(scale, Math.abs(value));
    const bits = ((x[i] as number) ^ (y[i] as number)) >>> 0;
    if (bits === 0) continue;
    differing += 1;
    if ((bits & (bits - 1)) === 0) flipped += 1;
    largest = Math.max(largest, Math.abs(value - (b[i] as number)));
  }
  return { values: a.length, differing, flipped, largest, scale };
}

function differenceText(context: string, task: string, own: string, other: string, measured: Measured): string {
  const { values, differing, flipped, largest, scale } = measured;
  return `pff difference 1\n${context}\n${task}\n${own}\n${other}\n${values} ${differing} ${flipped} ${largest} ${scale}\n`;
}

export function makeDifference(
  signer: Signer,
  context: string,
  task: string,
  { own, other, ...measured }: Omit<Difference, 'key' | 'sig'>,
): Difference {
  const sig = signer.sign(differenceText(context, task, own, other, measured));
  return { key: signer.key, own, other, ...measured, sig };
}

export function isDifference(verify: Verify, context: string, task: string, difference: Difference): boolean {
  const { key, own, other, sig, ...measured } = difference;
  return verify(key, differenceText(context, task, own, other, measured), sig);
}

/** A relative difference that roundings in another order make of a chapter, and no more. */
const ROUNDING = 1e-3;

/** What a difference is a sign of, for people. It is a hint: a liar can make each. */
export function meaningOf({ values, differing, flipped, largest, scale }: Omit<Measured, 'key'>): string {
  if (differing === 0) return 'no value differs, but the number of steps does: another program, or a lie';
  if (differing === flipped && differing <= 2) return 'one bit: a fault of memory or CPU near the end of the task';
  if (differing <= Math.max(8, values / 1000))
    return 'few values: they were changed after the training (a lie), or a fault of memory in its last batches';
  if (largest <= ROUNDING * scale)
    return 'many values by little: another order of additions (another program or compiler), or a small fault in an early batch';
  return 'many values by much: a fault in an early batch that has spread, another training (data, seed), or a lie';
}
