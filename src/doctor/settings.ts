/** Which options of `pff train` suit a machine: they follow from what was measured on it, each with its reason. */
import type { Setting, StepRates } from './machine-report.js';
import { buildCommand } from '../kernels/native/build-command.js';

/** A precision has other bits than f32, so a few percent are not worth it. */
const WORTH_ANOTHER_PRECISION = 1.15;
/** Threads that share a step count as well used from this share of their number on. */
const WELL_SHARED = 0.7;
/** Layers of the default preset: more nodes than layers have nothing to do. */
const LAYERS = 3;

/** The precision in which a step takes the least, if it is `worth` times as fast as `than`; else undefined. */
export function fasterThan(
  { rates }: StepRates,
  than: string,
  worth: number,
): { readonly precision: string; readonly times: number } | undefined {
  const base = rates.find(({ precision }) => precision === than);
  if (base === undefined) return undefined;
  const best = rates.reduce((a, b) => (b.milliseconds < a.milliseconds ? b : a));
  const times = base.milliseconds / best.milliseconds;
  return times >= worth ? { precision: best.precision, times } : undefined;
}

/**
 * @param steps on one thread first, then on more.
 * @param cores that a run may use.
 * @param native whether the native kernels are there: nothing is worth setting without them.
 * @param wasm whether those of WebAssembly are.
 */
export function settingsFor(steps: readonly StepRates[], cores: number, native: boolean, wasm = true): Setting[] {
  if (!native)
    return [
      {
        option: '--kernels',
        value: wasm ? 'wasm' : 'reference',
        reason: `all that is there; a C++ compiler and ${buildCommand()} make training ${wasm ? 'several' : 'hundreds of'} times faster`,
      },
    ];
  const widest = steps.at(-1) as StepRates;
  const faster = fasterThan(widest, 'f32', WORTH_ANOTHER_PRECISION);
  const precision = faster?.precision ?? 'f32';
  const { threads, share, times } = threadsPerNode(steps, precision);
  const nodes = Math.max(1, Math.min(LAYERS, Math.floor(cores / threads)));
  return [
    {
      option: '--precision',
      value: precision,
      reason: faster
        ? `a step takes 1/${faster.times.toFixed(1)} of the time that f32 takes; it is part of the spec and has bits of its own`
        : `no other precision is more than ${WORTH_ANOTHER_PRECISION} times as fast`,
    },
    {
      option: '--threads-per-node',
      value: String(threads),
      reason:
        cores === 1
          ? 'there is one core'
          : threads === 1
            ? 'a step gains too little from a second thread'
            : `a step is ${times.toFixed(2)} times as fast as on one thread, ${(100 * share).toFixed(0)} % of what ${threads} cores could give`,
    },
    {
      option: '--nodes',
      value: String(nodes),
      reason:
        nodes === 1
          ? 'the threads of one node use all cores'
          : `cores that threads of one node cannot use well serve as nodes of a pipeline (--variant all-layers)`,
    },
  ];
}

/** The most threads that share a step well. */
function threadsPerNode(
  steps: readonly StepRates[],
  precision: string,
): { readonly threads: number; readonly share: number; readonly times: number } {
  const time = (one: StepRates) => one.rates.find((rate) => rate.precision === precision)?.milliseconds ?? Number.NaN;
  const [alone] = steps as [StepRates];
  const shares = steps.map((one) => {
    const times = time(alone) / time(one);
    return { threads: one.threads, share: times / one.threads, times };
  });
  return shares.findLast(({ share }) => share >= WELL_SHARED) ?? { threads: 1, share: 1, times: 1 };
}
