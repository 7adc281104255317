/**
 * The entry of the portable core: what a page needs to train a run, or its share of one. Internal for now, and no part of
 * the package; bundlers take it with the condition `browser`, which picks the browser's side of `#platform/…`.
 */
import type { Dataset } from './data/dataset.js';
import type { Kernels } from './kernels/kernels.js';
import { viewState, type LayerState, type LayerStructure } from './layers/layer-state.js';
import { modelDigest } from './model/digest.js';

import { allStructures, networkStructure } from './model/network.js';
import { nowMs } from './node/clock.js';
import type { NodeEvent } from './node/events.js';
import type { Job } from './node/job.js';
import { runNode } from './node/node.js';
import { prepareData } from './node/prepare.js';
import type { PffVariant } from './schedule/assign.js';
import { graphShape } from './schedule/shape.js';
import type { RunSpec } from './spec/spec.js';
import { MemoryStore } from './store/memory.js';

export { datasetFromArrays, datasetFromBatches } from './data/arrays.js';
export { openReference } from './kernels/reference/reference.js';
export { workOnRun } from './node/cluster/cluster-node.js';
export { sealingStore } from './node/cluster/private-labels.js';
export { TaskRunner } from './node/task-runner.js';
export { resolveSpec } from './spec/spec.js';
export { systemClock } from './store/cluster/clock.js';
export { ClusterStore } from './store/cluster/cluster-store.js';
export { PortStore, serveStore } from './store/port.js';

export interface ThreadTraining {
  readonly dataset: Dataset;
  readonly spec: RunSpec;
  readonly kernels: Kernels;
  readonly variant: PffVariant;
  /** All of them take turns in this thread; they meet in one store. */
  readonly nodes: number;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: NodeEvent) => void;
}

/**
 * Trains a whole run in this one thread: any number of nodes over a store in memory.
 * @throws PffError as nodes do; the signal's reason when that aborts.
 */
export async function trainInThread(
  training: ThreadTraining,
): Promise<{ readonly states: LayerState[]; readonly modelDigest: string }> {
  const { dataset, spec, kernels, variant, nodes, signal, onEvent = () => {} } = training;
  const { layout, sites } = prepareData(dataset, spec);
  const classes = dataset.classes.length;
  const job: Job = { spec, variant, nodes, layout, classes, sites, startedMs: nowMs() };
  const store = new MemoryStore(graphShape(spec));
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  const running = Array.from({ length: nodes }, (_, node) => runNode(job, node, kernels, store, all, onEvent));
  try {
    await Promise.all(running);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(running);
    throw error;
  }
  const structures = allStructures(networkStructure(spec, layout));
  const states = (await store.result()).map(({ steps, buffer }, i) =>
    viewState(structures[i] as LayerStructure, steps, buffer),
  );
  return { states, modelDigest: modelDigest(states) };
}
