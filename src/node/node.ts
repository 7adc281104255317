/** One node: computes its list of tasks from the run (there is no coordinator) and does them in order. */
import type { Kernels } from '../kernels/kernels.js';
import { assign } from '../schedule/assign.js';
import { defaultWindow, gateOf } from '../schedule/retention.js';
import { graphShape } from '../schedule/shape.js';
import type { Store } from '../store/store.js';
import type { NodeEvent } from './events.js';
import type { Job } from './job.js';
import type { InputRelay } from './relay.js';
import { TaskRunner } from './task-runner.js';

/** Does all tasks of node `node` that are not yet published. Rejects with the signal's reason when that aborts. */
export async function runNode(
  job: Job,
  node: number,
  kernels: Kernels,
  store: Store,
  signal: AbortSignal,
  emit: (event: NodeEvent) => void,
  relay?: InputRelay,
): Promise<void> {
  const graph = graphShape(job.spec);
  // Places of one node keep no more alive than one does.
  const window = defaultWindow(graph, job.variant, job.placement ? new Set(job.placement).size : job.nodes);
  const runner = new TaskRunner({ job, node, kernels, store, signal, emit, relay });
  try {
    for (const task of assign(graph, job.variant, job.nodes, job.placement)[node] ?? []) {
      if (await store.isPublished(task)) continue;
      const gate = gateOf(graph, task, window);
      if (gate) await store.published(gate, signal);
      await runner.run(task);
    }
  } finally {
    runner.close();
  }
}
