/** Sums up batches and reports them, at most every 100 ms. */
import { addStats, emptyStats } from '../kernels/trainer.js';
import type { TaskRef } from '../schedule/timeline.js';
import type { NodeEvent } from './events.js';
import type { ProgressReport } from './training.js';

const PROGRESS_MS = 100;

export function progressReporter(node: number, task: TaskRef, emit: (event: NodeEvent) => void): ProgressReport {
  let since = emptyStats();
  let last = performance.now();
  const isDue = (): boolean => performance.now() - last >= PROGRESS_MS;
  return {
    isDue,
    batch(batch, batches, stats) {
      addStats(since, stats);
      if (!isDue()) return;
      emit({ type: 'progress', node, task, batch, batches, stats: since });
      since = emptyStats();
      last = performance.now();
    },
  };
}
