/** What the process takes for outputs that nobody needs any more. */
import { expect, test } from 'vitest';
import type { GraphShape } from '../../src/schedule/shape.js';
import { trainTask } from '../../src/schedule/tasks.js';
import { MemoryStore } from '../../src/store/memory.js';

test('a long run takes no more memory than a short one, though nothing but the store allocates', async () => {
  const splits = 24;
  const bytes = 50e6;
  const shape: GraphShape = { layers: 1, head: false, splits, predictedLabels: 'none', labelLag: 1 };
  const store = new MemoryStore(shape);
  const before = process.memoryUsage.rss();
  let most = 0;
  for (let chapter = 0; chapter < splits; chapter++) {
    const buffer = new SharedArrayBuffer(bytes);
    // Memory that nobody has written to is not there yet.
    new Uint8Array(buffer).fill(1);
    await store.publish(trainTask(chapter, 0), { steps: chapter, buffer });
    most = Math.max(most, process.memoryUsage.rss() - before);
  }
  expect(store.peakBytes).toBeLessThanOrEqual(2 * bytes);
  // Left to the engine: all of it, 1.2 GB.
  expect(most).toBeLessThan(0.4 * splits * bytes);
});
