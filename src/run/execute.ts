/** Carries out a run's training: the pipeline on one node or on threads, or one of the baselines outside it. */
import type { PffError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { viewState, type LayerShape, type LayerState } from '../model/layer-state.js';
import { allShapes, networkShape } from '../model/network.js';
import { trainBackprop } from '../node/baselines/backprop.js';
import { trainDff } from '../node/baselines/dff.js';
import type { NodeEvent } from '../node/events.js';
import type { Job } from '../node/job.js';
import { runNode } from '../node/node.js';
import { graphShape } from '../schedule/shape.js';
import { isBackprop } from '../spec/spec.js';
import { MemoryStore } from '../store/memory.js';
import type { Execution, Fault } from './options.js';
import { runThreads } from './threads.js';

export interface Callbacks {
  readonly node: (event: NodeEvent) => void;
  readonly died: (node: number, reason: string, deaths: number) => void;
}

/** One training, begun or ended. */
export interface Training {
  /** Trains to the end and returns the states of the last chapter, in order. */
  run(): Promise<LayerState[]>;
  /** The newest states there are, and how many chapters all of them have; no states before each has one chapter. */
  newest(): { readonly chapters: number; readonly states: LayerState[] };
  /** The most bytes of published outputs that were kept at once. */
  peakStoreBytes(): number;
  /** What an aborted signal means, where it does not end the training. */
  readonly interruption?: () => PffError;
}

export function openTraining(
  job: Job,
  execution: Execution,
  kernels: Kernels,
  signal: AbortSignal,
  faults: readonly Fault[],
  callbacks: Callbacks,
): Training {
  const baseline = execution.variant === 'dff' ? trainDff : isBackprop(job.spec.objective) ? trainBackprop : undefined;
  return baseline
    ? baselineTraining((saved) => baseline(job, kernels, signal, callbacks.node, saved))
    : pipelineTraining(job, execution, kernels, signal, faults, callbacks);
}

function pipelineTraining(
  job: Job,
  execution: Execution,
  kernels: Kernels,
  signal: AbortSignal,
  faults: readonly Fault[],
  callbacks: Callbacks,
): Training {
  const store = new MemoryStore(graphShape(job.spec));
  const shapes = allShapes(networkShape(job.spec, job.data.layout));
  return {
    async run() {
      // One node needs no thread of its own; it gives way to signals and messages between batches.
      if (execution.nodes === 1 && faults.length === 0) await runNode(job, 0, kernels, store, signal, callbacks.node);
      else await runThreads(job, execution, store, signal, faults, callbacks);
      return store.result().map((output, i) => viewState(shapes[i] as LayerShape, output.steps, output.buffer));
    },
    newest() {
      const newest = store.newest();
      if (newest.length < shapes.length) return { chapters: 0, states: [] };
      const states = newest.map(({ layer, output }) =>
        viewState(shapes[layer] as LayerShape, output.steps, output.buffer),
      );
      return { chapters: 1 + Math.min(...newest.map(({ chapter }) => chapter)), states };
    },
    peakStoreBytes: () => store.peakBytes,
  };
}

function baselineTraining(
  start: (saved: (chapter: number, states: LayerState[]) => void) => Promise<LayerState[]>,
): Training {
  let newest: { chapters: number; states: LayerState[] } = { chapters: 0, states: [] };
  return {
    run: () =>
      start((chapter, states) => {
        newest = { chapters: chapter + 1, states };
      }),
    newest: () => newest,
    peakStoreBytes: () => 0,
  };
}
