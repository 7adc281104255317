/**
 * Gradients against differences of the function: each value moved a little up and down. What has a kink there, such as a hinge, may fit
 * with a smaller step only, so a value is wrong where it fits with none.
 */
import { figure } from './finding.js';

/** Values that a function reads, with the gradient that it says it has by them. */
export interface Claimed {
  /** As messages name them, such as `activationGradient`. */
  readonly name: string;
  /** What the function reads; moved and put back. */
  readonly values: Float32Array;
  readonly gradient: ArrayLike<number>;
}

export interface Compared {
  /** How many values were moved. */
  readonly count: number;
  /** The largest distance between gradient and difference among those that fit. */
  readonly largestError: number;
  /** The worst value that does not fit, in words; undefined if all do. */
  readonly misfit: string | undefined;
}

/** How far a value is moved, relative to its size (at least 1). */
const STEPS = [1e-2, 2e-3, 5e-4];
const [RELATIVE, ABSOLUTE] = [0.01, 1e-4];

/**
 * @param loss the function of all `claimed` values. @param noise how far a value of `loss` may be off by rounding alone
 */
export async function compareGradient(
  claimed: readonly Claimed[],
  loss: () => number | Promise<number>,
  noise: number,
): Promise<Compared> {
  let [count, largestError, largestMisfit] = [0, 0, 0];
  let misfit: string | undefined;
  for (const { name, values, gradient } of claimed)
    for (const [i] of values.entries()) {
      count++;
      const stated = gradient[i] ?? Number.NaN;
      const { error, slope, fit } = await nearest(values, i, stated, loss, noise);
      if (fit) largestError = Math.max(largestError, error);
      else if (misfit === undefined || error > largestMisfit) {
        largestMisfit = error;
        misfit = `${name}[${i}] is ${figure(stated)}, but the loss changes by ${figure(slope)} a unit`;
      }
    }
  return { count, largestError, misfit };
}

/** The difference quotient of `values[i]` that is nearest to `stated`, or the first one that fits it. */
async function nearest(
  values: Float32Array,
  i: number,
  stated: number,
  loss: () => number | Promise<number>,
  noise: number,
): Promise<{ readonly error: number; readonly slope: number; readonly fit: boolean }> {
  const original = values[i] as number;
  let found = { error: Infinity, slope: Number.NaN, fit: false };
  for (const step of STEPS) {
    const h = step * Math.max(1, Math.abs(original));
    values[i] = original + h;
    const [up, above] = [await loss(), values[i]];
    values[i] = original - h;
    const [down, below] = [await loss(), values[i]];
    values[i] = original;
    const slope = (up - down) / (above - below);
    const error = Math.abs(slope - stated);
    const allowed = ABSOLUTE + RELATIVE * Math.max(Math.abs(slope), Math.abs(stated)) + noise / h;
    if (error <= allowed) return { error, slope, fit: true };
    if (!(error >= found.error)) found = { error: Number.isNaN(error) ? Infinity : error, slope, fit: false };
  }
  return found;
}

/** Of a comparison, what is right in words. */
export function fits({ count, largestError }: Compared): string {
  return `${count} values, none off by more than ${largestError.toExponential(0)}`;
}
