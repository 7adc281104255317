/** Runs with liars in the fault simulator. PFF_LIAR_SEEDS asks for another number of seeds. */
import { describe, expect, it } from 'vitest';
import { simulateFaults } from './simulation.js';
import type { Lying } from './liars.js';

const SEEDS = Number(process.env['PFF_LIAR_SEEDS'] ?? 20);
const FROM = Number(process.env['PFF_LIAR_FROM'] ?? 1);

describe('an audited run in the fault simulator', () => {
  it.each(['always', 'trusted', 'auditor', 'none'] as const)(
    'every result is checked, one of 3 to 6 lies (%s): no wrong result counts, no honest process is refused',
    { timeout: 6_000_000 },
    async (lying) => {
      const bad: string[] = [];
      let lies = 0;
      for (let seed = FROM; seed < FROM + SEEDS; seed++) {
        const liars = lying === 'none' ? 0 : 1;
        const { problems, audits } = await simulateFaults(seed, {
          audited: { rate: 1, liars, ...(liars ? { lying: lying as Lying } : {}) },
        });
        lies += audits?.lies ?? 0;
        const wrong = problems.length + (audits?.wrong.length ?? 1) + (audits?.missed ?? 0) > 0;
        if (wrong || (audits?.refused.length ?? 0) > liars)
          bad.push(`seed ${seed}: ${problems.join('; ')} ${JSON.stringify(audits)}`);
      }
      expect(bad).toEqual([]);
      if (lying === 'always') expect(lies).toBeGreaterThan(SEEDS / 2);
    },
  );
});
