/** Measures all contenders in turn: one repetition of each after the other, so that noise hits all alike. */
import { summarise, pairedRatio, type Summary } from '../statistics.js';
import type { Work, Worker } from './contender.js';

/** One contender at one piece of work. */
export interface Compared<W extends string = Work> {
  readonly work: W;
  readonly name: string;
  readonly milliseconds: Summary;
  /** How many times as long as ours, repetition by repetition. */
  readonly ratio: Summary;
  /** In bf16: how many times as long as the fastest of ours in bf16, in whatever order that adds its products. */
  readonly rounded: Summary | undefined;
  /** Share of the core's peak that was measured just before, in %, by the multiply-adds of the whole matrix products. */
  readonly peakShare: Summary;
}

/** Floating-point operations of each work if nothing is shared: two for each multiply-add. */
export function flopOf(layers: readonly number[], rows: number, predicted: number): Record<Work, number> {
  const [images = 0, first = 0, second = 0] = layers;
  const network = layers.slice(1).reduce((sum, units, i) => sum + units * (layers[i] as number), 0);
  return {
    step: 4 * rows * first * second,
    'first-step': 4 * rows * images * first,
    forward: 2 * rows * first * second,
    predict: 2 * 10 * predicted * network,
  };
}

/** Milliseconds that a contender may take for all its repetitions of one work; slower ones get fewer, at least three. */
const PATIENCE = 20_000;

/**
 * @param contenders the first one is ours: others are compared with it.
 * @param flop of each piece of work, in the order of the report.
 * @param peak FLOP/s of one core, measured now.
 */
export async function measureContenders<W extends string>(
  contenders: readonly Worker<W>[],
  flop: Readonly<Record<W, number>>,
  peak: () => number,
  repetitions: number,
): Promise<Compared<W>[]> {
  const results: Compared<W>[] = [];
  for (const work of Object.keys(flop) as W[]) {
    const able = contenders.filter((one) => one.work.has(work));
    const seconds = able.map((): number[] => []);
    const shares = able.map((): number[] => []);
    const limits = able.map(() => repetitions);
    for (let repetition = -1; repetition < repetitions; repetition++) {
      for (const [i, one] of able.entries()) {
        if (repetition >= (limits[i] as number)) continue;
        // Training repeats its steps, so caches are as the step before left them; measuring the peak touches none.
        const before = await one.run(work);
        const now = peak();
        const taken = await one.run(work);
        if (repetition < 0) {
          limits[i] = Math.min(repetitions, Math.max(3, Math.floor(PATIENCE / (1000 * (before + taken)))));
          continue;
        }
        seconds[i]?.push(taken);
        shares[i]?.push((100 * flop[work]) / taken / now);
      }
    }
    const times = (i: number): number[] => seconds[i] as number[];
    const paired = (i: number, base: number): Summary => {
      const both = Math.min(times(i).length, times(base).length);
      return pairedRatio(times(i).slice(0, both), times(base).slice(0, both));
    };
    const rounding = [...able.keys()].filter((i) => able[i]?.isOurs && able[i]?.operands === 'bf16');
    const median = (i: number): number => summarise(times(i)).median;
    const [fastest] = rounding.toSorted((a, b) => median(a) - median(b));
    able.forEach(({ name, operands }, i) => {
      results.push({
        work,
        name,
        milliseconds: summarise(times(i).map((s) => 1000 * s)),
        ratio: paired(i, 0),
        rounded: operands === 'bf16' && fastest !== undefined ? paired(i, fastest) : undefined,
        peakShare: summarise(shares[i] as number[]),
      });
    });
  }
  return results;
}
