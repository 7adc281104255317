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
const STEPS = [4e-3, 1e-3, 2.5e-4];
const RELATIVE = 0.01;

/**
 * @param loss the function of all `claimed` values, in f64. @param noise how far two values of `loss` may be off by rounding alone
 */
export async function compareGradient(
  claimed: readonly Claimed[],
  loss: () => number | Promise<number>,
  noise = 1e-9,
): Promise<Compared> {
  let [count, largestError, largestMisfit] = [0, 0, 0];
  let misfit: string | undefined;
  for (const { name, values, gradient } of claimed)
    for (const [i, original] of values.entries()) {
      const stated = gradient[i] ?? Number.NaN;
      let [best, numeric] = [Infinity, Number.NaN];
      for (const step of STEPS) {
        const h = step * Math.max(1, Math.abs(original));
        values[i] = original + h;
        const [up, above] = [await loss(), values[i] as number];
        values[i] = original - h;
        const [down, below] = [await loss(), values[i] as number];
        values[i] = original;
        const slope = (up - down) / (above - below);
        const error = Math.abs(slope - stated);
        const allowed = 1e-4 + RELATIVE * Math.max(Math.abs(slope), Math.abs(stated)) + (2 * noise) / h;
        if (error <= allowed || error < best || Number.isNaN(numeric)) [best, numeric] = [error <= allowed ? 0 : error, slope];
        if (error <= allowed) {
          largestError = Math.max(largestError, error);
          break;
        }
      }
      count++;
      if (best > largestMisfit || Number.isNaN(best)) {
        largestMisfit = best;
        misfit = `${name}[${i}] is ${figure(stated)}, but the loss changes by ${figure(numeric)} a unit`;
      }
    }
  return { count, largestError, misfit };
}

/** Of a comparison, what is right in words. */
export function fits({ count, largestError }: Compared): string {
  return `${count} values, none off by more than ${largestError.toExponential(0)}`;
}
