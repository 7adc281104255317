/** What a node tells while it works. Plain data, so that it can cross threads and wires. */
import type { StepStats } from '../kernels/trainer.js';
import type { Span, TaskRef } from '../schedule/timeline.js';

export type NodeEvent =
  /** A layer is being trained: sums over the batches since the last such event. */
  | {
      readonly type: 'progress';
      readonly node: number;
      readonly task: TaskRef;
      /** Batches done and in all, in this task. */
      readonly batch: number;
      readonly batches: number;
      readonly stats: StepStats;
    }
  /** A task is done and published: sums over all its batches, and where its time went. */
  | {
      readonly type: 'task-finished';
      readonly node: number;
      readonly task: TaskRef;
      readonly stats: StepStats;
      readonly spans: readonly Span[];
      /** Resident memory of the node's process; nodes that are threads share one. */
      readonly processBytes?: number | undefined;
    };
