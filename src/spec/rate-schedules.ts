/** Schedules of the learning rate: what it is multiplied by over a run. Ours is `cooldown`; own ones are functions. */
import { NamedParts } from '../named-parts.js';

/** The fields of a run spec that schedules of the learning rate read. */
export interface RateSettings {
  readonly epochs: number;
  readonly splits: number;
  readonly cooldownAfter: number;
}

/** What learning rates are multiplied by at `progress`, the share of the run that lies behind (0 … 1). */
export type RateSchedule = (progress: number, settings: RateSettings) => number;

export const rateSchedules = new NamedParts<RateSchedule>('schedule', {
  cooldown: (progress, { cooldownAfter }) => cooldown(cooldownAfter, progress),
});

/** Share of the full learning rate at `progress` (0 … 1 of the run): 1, then linearly to 0 from `cooldownAfter` on. */
export function cooldown(cooldownAfter: number, progress: number): number {
  return progress < cooldownAfter || cooldownAfter === 1 ? 1 : (1 - progress) / (1 - cooldownAfter);
}
