/** Schedules of the learning rate: what it is multiplied by over a run. Own ones are functions; warm-up goes with all of them. */
import { NamedParts } from '../named-parts.js';

/** The fields of a run spec that schedules of the learning rate read. */
export interface RateSettings {
  readonly epochs: number;
  readonly splits: number;
  readonly cooldownAfter: number;
}

/** What learning rates are multiplied by at `progress`, the share of the run, or of its phase, that lies behind (0 … 1). */
export type RateSchedule = (progress: number, settings: RateSettings) => number;

export const rateSchedules = new NamedParts<RateSchedule>('schedule', {
  cooldown: (progress, { cooldownAfter }) => cooldown(cooldownAfter, progress),
  constant: () => 1,
  // A tenth from half of the run on, a hundredth from three quarters.
  step: (progress) => (progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01),
  cosine: (progress) => (1 + cosineOfPi(progress)) / 2,
});

/** Share of the full learning rate at `progress` (0 … 1 of the run): 1, then linearly to 0 from `cooldownAfter` on. */
export function cooldown(cooldownAfter: number, progress: number): number {
  return progress < cooldownAfter || cooldownAfter === 1 ? 1 : (1 - progress) / (1 - cooldownAfter);
}

/** What rates are multiplied by on top: they rise linearly from 0 over the first `warmup` of the run; 0 for none. */
export function warmupFactor(warmup: number, progress: number): number {
  return progress < warmup ? progress / warmup : 1;
}

/**
 * cos(π x) for 0 <= x <= 1, with the same bits on every machine: the Taylor series up to the 18th power at an angle of at most π/2,
 * where it is within 1e-14.
 */
function cosineOfPi(x: number): number {
  if (x > 0.5) return -cosineOfPi(1 - x);
  const angle = Math.PI * x;
  const square = angle * angle;
  let [term, sum] = [1, 1];
  for (let n = 1; n <= 9; n++) {
    term *= -square / ((2 * n - 1) * (2 * n));
    sum += term;
  }
  return sum;
}
