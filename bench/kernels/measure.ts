/** Interleaved repetitions of several measurements, each beside the core's peak at that moment, so that noise hits all alike. */
import type { Awaitable, Precision } from '../../src/kernels/kernels.js';
import type { CompiledKernels } from '../../src/kernels/compiled/compiled.js';
import { summarise, type Summary } from '../statistics.js';

/** Something to time. `run` does the work once. */
export interface Case {
  readonly name: string;
  /** Useful floating-point operations of one run: two for each multiply-add of the matrix products. */
  readonly flop: number;
  readonly run: () => Awaitable<unknown>;
}

export interface Measured {
  readonly name: string;
  readonly precision: Precision;
  readonly threads: number;
  readonly milliseconds: Summary;
  readonly gigaflops: Summary;
  /** Share of `threads` times the one-core peak measured just before, in %. */
  readonly peakShare: Summary;
}

/** Runs all cases in turn, `repetitions` times, after two rounds to warm up; each follows a run of its own. Peaks are in FLOP/s. */
export async function measureInTurn(
  kernels: CompiledKernels,
  cases: readonly Case[],
  repetitions: number,
  precision: Precision,
): Promise<{ measured: Measured[]; peaks: Summary }> {
  const seconds = cases.map((): number[] => []);
  const shares = cases.map((): number[] => []);
  const peaks: number[] = [];
  for (let repetition = -2; repetition < repetitions; repetition++) {
    for (const [i, one] of cases.entries()) {
      // Training repeats its steps, so caches are as the step before left them; measuring the peak touches none.
      await one.run();
      const peak = kernels.measurePeak(2);
      const start = performance.now();
      await one.run();
      const taken = (performance.now() - start) / 1000;
      if (repetition < 0) continue;
      peaks.push(peak);
      seconds[i]?.push(taken);
      shares[i]?.push((100 * one.flop) / taken / (peak * kernels.threads));
    }
  }
  const measured = cases.map((one, i) => ({
    name: one.name,
    precision,
    threads: kernels.threads,
    milliseconds: summarise((seconds[i] ?? []).map((s) => s * 1000)),
    gigaflops: summarise((seconds[i] ?? []).map((s) => one.flop / s / 1e9)),
    peakShare: summarise(shares[i] ?? []),
  }));
  return { measured, peaks: summarise(peaks) };
}
