/** What a node refuses by the record of a run alone, and tasks that take too long. */
import { describe, expect, it } from 'vitest';
import { beyondBounds, leastTaskSeconds, withinSeconds } from '../../src/run/cluster/node-bounds.js';
import { trainTask } from '../../src/schedule/tasks.js';
import { recordOf } from './records.js';

describe('the bounds of a node', () => {
  const large = recordOf({ layers: [784, 20_000, 20_000], trainSamples: 60_000, epochs: 1000, splits: 1 });

  it('refuse what is beyond them before any data is loaded, and nothing else', () => {
    expect(beyondBounds(large, {})).toBeUndefined();
    expect(beyondBounds(large, { maxMemory: 1e9 })).toMatch(
      /may need for one layer alone 9\.60 GB, .*1\.00 GB \(--max-memory/,
    );
    expect(beyondBounds(large, { maxTaskSeconds: 60 })).toMatch(/takes at least 9\.6e\+2 s, .*--max-task-seconds/);
    expect(beyondBounds(large, { datasets: ['fashion-mnist'] })).toMatch(/is on mnist, .*fashion-mnist only/);
    const bounds = { maxMemory: 1e9, maxTaskSeconds: 1, datasets: ['mnist'] };
    expect(beyondBounds(recordOf({ layers: [784, 100, 100], trainSamples: 1000 }), bounds)).toBeUndefined();
    expect(leastTaskSeconds(large.spec, 60_000)).toBeCloseTo(960, 5);
  });

  it('end a task that takes too long', async () => {
    const slow = { run: () => new Promise<void>(() => {}), reset: () => Promise.resolve() };
    await expect(withinSeconds(slow, 0.02).run(trainTask(1, 2))).rejects.toThrow(
      /c1\.l2 has taken longer than 0\.02 s/,
    );
    const quick = { run: () => Promise.resolve(), reset: () => Promise.resolve() };
    await expect(withinSeconds(quick, 1).run(trainTask(1, 2))).resolves.toBeUndefined();
  });
});
