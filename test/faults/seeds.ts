/** Thousands of seeded faults on a virtual clock. PFF_FAULT_SEED=n replays one seed, PFF_FAULT_SEEDS=n asks for another number. */
import { describe, expect, it } from 'vitest';
import { simulateFaults, type Outcome, type Planted } from './simulation.js';

/** Seeds of all files together. */
const SEEDS = Number(process.env['PFF_FAULT_SEEDS'] ?? 2500);
const ONE = process.env['PFF_FAULT_SEED'];

/** Declares the test of part `part` of `parts`: no run of its seeds gets stuck or ends with other bits. */
export function testSeeds(part: number, parts: number): void {
  const from = ONE ? Number(ONE) : Math.floor((part * SEEDS) / parts) + 1;
  const to = ONE ? Number(ONE) : Math.floor(((part + 1) * SEEDS) / parts);
  describe('the fault simulator', () => {
    it(`finds no difference and no stuck run in seeds ${from} to ${to}`, { timeout: 600_000 }, async () => {
      const bad: string[] = [];
      let [repeated, lost, refused] = [0, 0, 0];
      for (let seed = from; seed <= to; seed++) {
        const outcome = await simulateFaults(seed);
        repeated += outcome.repeated;
        lost += outcome.lost;
        refused += outcome.refused;
        if (outcome.problems.length > 0) bad.push(`PFF_FAULT_SEED=${seed}: ${outcome.problems.join('; ')}`);
      }
      expect(bad).toEqual([]);
      // The faults did bite.
      if (!ONE) expect(Math.min(repeated, lost, refused)).toBeGreaterThan((to - from) / 100);
    });
  });
}

/** The first seed that goes wrong with a planted bug. */
export async function firstFailing(seeds: number, planted: Planted): Promise<Outcome | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await simulateFaults(seed, planted);
    if (outcome.problems.length > 0) return outcome;
  }
  return undefined;
}
