/** Sums up batches and reports them, at most every 100 ms. */
import { addStats, emptyStats, type StepStats } from '../model/objectives/objective.js';
import type { TaskRef } from '../schedule/timeline.js';
import type { NodeEvent } from './events.js';
import type { OnBatch } from './training.js';

const PROGRESS_MS = 100;

export function progressReporter(node: number, task: TaskRef, emit: (event: NodeEvent) => void): OnBatch {
  let since = emptyStats();
  let last = performance.now();
  return (batch: number, batches: number, stats: StepStats): void => {
    addStats(since, stats);
    if (performance.now() - last < PROGRESS_MS) return;
    emit({ type: 'progress', node, task, batch, batches, stats: since });
    since = emptyStats();
    last = performance.now();
  };
}
