/** The kernels on their own: each step on one thread and on more, beside the peak measured just before. */
import { openNative, type Addon } from '../../src/kernels/native.js';
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
    readonly scaling: readonly { readonly threads: number; readonly speedup: number }[];
  };
}

export function runKernels(
  addon: Addon,
  instructionSet: string,
  threadCounts: readonly number[],
  repetitions: number,
): KernelsReport {
  const measured: Measured[] = [];
  const peaks: Summary[] = [];
  for (const threads of threadCounts) {
    const kernels = openNative(addon, instructionSet, threads);
    const [steps, network] = [stepCases(kernels), networkCases(kernels)];
    const result = measureInTurn(kernels, [...steps.cases, ...network.cases], repetitions);
    measured.push(...result.measured);
    peaks.push(result.peaks);
    steps.close();
    network.close();
    kernels.close();
  }
  const time = (name: string) => measured.find((one) => one.name === name)?.milliseconds.median ?? Number.NaN;
  const whole = (what: string) => `${what}: whole step`;
  return {
    measured,
    peak: peaks[0] as Summary,
    ratios: {
      pairSharing: time(whole(UNSHARED)) / time(whole(SHARED)),
      tenLabels: time(LABEL_BY_LABEL) / time(AT_ONCE),
      scaling: measured
        .filter((one) => one.name === whole(FULL_SIZE))
        .map(({ threads, milliseconds }) => ({ threads, speedup: time(whole(FULL_SIZE)) / milliseconds.median })),
    },
  };
}
