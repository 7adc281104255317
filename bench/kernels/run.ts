/** The kernels on their own: each step on one thread and on more, beside the peak measured just before. */
import type { Precision } from '../../src/kernels/kernels.js';
import type { Addon } from '../../src/kernels/native/addon.js';
import { openNative } from '../../src/kernels/native/native.js';
import type { Summary } from '../statistics.js';
import { type Measured, measureInTurn } from './measure.js';
import { AT_ONCE, LABEL_BY_LABEL, networkCases } from './network-cases.js';
import { FULL_SIZE, SHARED, stepCases, UNSHARED } from './step-cases.js';

export interface KernelsReport {
  readonly measured: readonly Measured[];
  /** FLOP/s of one core, over all repetitions on the fewest threads. */
  readonly peak: Summary;
  readonly ratios: {
    /** How many times faster the first layer's step is for sharing the image part between positive and negative. */
    readonly pairSharing: number;
    /** Ten-label prediction of the whole network: ten separate passes over all labels at once. */
    readonly tenLabels: number;
    /** The full-size step in f32 over that in another precision, of those that were measured. */
    readonly precisions: readonly { readonly precision: Precision; readonly speedup: number }[];
    readonly scaling: readonly { readonly threads: number; readonly speedup: number }[];
  };
}

export async function runKernels(
  addon: Addon,
  instructionSet: string,
  threadCounts: readonly number[],
  precisions: readonly Precision[],
  repetitions: number,
): Promise<KernelsReport> {
  const measured: Measured[] = [];
  const peaks: Summary[] = [];
  for (const threads of threadCounts)
    for (const precision of precisions) {
      const kernels = openNative(addon, instructionSet, threads, precision);
      const [steps, network] = [stepCases(kernels), await networkCases(kernels)];
      const result = await measureInTurn(kernels, [...steps.cases, ...network.cases], repetitions, precision);
      measured.push(...result.measured);
      peaks.push(result.peaks);
      steps.close();
      network.close();
      kernels.close();
    }
  // On the fewest threads and in the first precision, unless it says otherwise.
  const find = (name: string, precision = precisions[0]) =>
    measured.find((one) => one.name === name && one.precision === precision);
  const time = (name: string, precision?: Precision) => find(name, precision)?.milliseconds.median ?? Number.NaN;
  const whole = (what: string) => `${what}: whole step`;
  return {
    measured,
    peak: peaks[0] as Summary,
    ratios: {
      pairSharing: time(whole(UNSHARED)) / time(whole(SHARED)),
      tenLabels: time(LABEL_BY_LABEL) / time(AT_ONCE),
      precisions: precisions.includes('f32')
        ? precisions
            .filter((precision) => precision !== 'f32')
            .map((precision) => ({
              precision,
              speedup: time(whole(FULL_SIZE), 'f32') / time(whole(FULL_SIZE), precision),
            }))
        : [],
      scaling: measured
        .filter((one) => one.name === whole(FULL_SIZE) && one.precision === precisions[0])
        .map(({ threads, milliseconds }) => ({ threads, speedup: time(whole(FULL_SIZE)) / milliseconds.median })),
    },
  };
}
