/** The simulator itself: a seed replays, and planted bugs are found. The seeds of CI are in seeds-*.test.ts. */
import { describe, expect, it } from 'vitest';
import { firstFailing } from './seeds.js';
import { simulateFaults } from './simulation.js';

describe('the fault simulator', () => {
  it('gives the same outcome for the same seed', async () => {
    for (const seed of [3, 14, 15]) expect(await simulateFaults(seed)).toEqual(await simulateFaults(seed));
  });

  it('finds a planted bug: a task that is done twice gives another result', async () => {
    const found = await firstFailing(500, { impure: true });
    expect(found?.problems.join()).toMatch(/two nodes disagree|another digest|results differed|not published/);
    expect((await simulateFaults(found?.seed ?? 0, { impure: true })).problems).toEqual(found?.problems);
  });

  it('finds a planted bug: the same, where the engine compares nothing, so that the second result is accepted', async () => {
    const found = await firstFailing(500, { impure: true, ignoresExpected: true });
    expect(found?.problems.join()).toMatch(/two nodes disagree|another digest|results differed|not published/);
  });
});
