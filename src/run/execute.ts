/** Carries out a run's training: the pipeline on one node or on threads, or one of the baselines outside it. */
import type { PffError } from '../errors.js';
import type { RunKernels } from '../node/run-kernels.js';
import { viewState, type LayerStructure, type LayerState } from '../layers/layer-state.js';
import { allStructures, networkStructure } from '../model/network.js';
import { trainBackprop } from '../node/baselines/backprop.js';
import { trainDff } from '../node/baselines/dff.js';
import type { SavedChapters } from '../node/baselines/saved-chapters.js';
import type { NodeEvent } from '../node/events.js';
import type { Job } from '../node/job.js';
import { runNode } from '../node/node.js';
import { restore } from '../schedule/restore.js';
import { graphShape, trainedLayers, type GraphShape } from '../schedule/shape.js';
import { taskKey, trainTask, type Task } from '../schedule/tasks.js';
import { refOf, type TaskRef } from '../schedule/timeline.js';
import { isBackprop } from '../spec/spec.js';
import { JournaledStore } from '../store/saved/journal.js';
import { MemoryStore } from '../store/memory.js';
import { KeptStore, type OwnStore } from '../store/own-store.js';
import type { Output, Store } from '../store/store.js';
import type { Checkpoint } from './checkpoint.js';
import type { Execution, Fault } from './options.js';
import { runThreads } from './threads.js';

export interface Callbacks {
  readonly node: (event: NodeEvent) => void;
  readonly died: (node: number, reason: string, deaths: number) => void;
  readonly placed: (text: string) => void;
  /** An output was published, for those who look on; its node goes on once they let it (validator.ts). */
  readonly published?: (task: Task, output: Output) => Promise<void>;
  /** The same of a baseline outside the pipeline: all of its layers after a chapter. Nobody waits for it. */
  readonly chapter?: (chapter: number, states: readonly LayerState[]) => void;
}

/** One training, begun or ended. */
export interface Training {
  /** Trains to the end and returns the states of the last chapter, in order. */
  run(): Promise<LayerState[]>;
  /** The newest states there are, and how many chapters all of them have; no states before each has one chapter. */
  newest(): Promise<{ readonly chapters: number; readonly states: LayerState[] }>;
  /** The most bytes of published outputs that were kept at once. */
  peakStoreBytes(): number;
  /** What an aborted signal means, where it does not end the training. */
  readonly interruption?: () => PffError;
  /** Tasks that an earlier process has done. */
  readonly done: readonly TaskRef[];
}

/** What a training is carried out with. */
export interface TrainingSetup {
  readonly job: Job;
  readonly execution: Execution;
  /** Of this thread; nodes that are threads open their own. */
  readonly kernels: RunKernels;
  readonly signal: AbortSignal;
  /** For fault tests. */
  readonly faults: readonly Fault[];
  /** Single-Layer on threads: nodes hand on layer inputs to each other. It takes memory and changes no bit. */
  readonly relays: boolean;
  readonly callbacks: Callbacks;
  /** Where states are saved behind the run, and what an earlier process left there. */
  readonly checkpoint?: Checkpoint | undefined;
  /** A store of the user's own in place of memory. */
  readonly own?: Required<OwnStore> | undefined;
}

export function openTraining(setup: TrainingSetup): Training {
  const { job, execution, kernels, signal, callbacks } = setup;
  const baseline = execution.variant === 'dff' ? trainDff : isBackprop(job.spec.objective) ? trainBackprop : undefined;
  return baseline
    ? baselineTraining(setup, (saved, from) =>
        kernels.use(
          (used) => baseline(job, used, signal, callbacks.node, saved, from()),
          (...why) => callbacks.died(0, ...why),
        ),
      )
    : pipelineTraining(setup);
}

function pipelineTraining(setup: TrainingSetup): Training {
  const { job, execution, kernels, signal, faults, relays, callbacks, checkpoint, own } = setup;
  const graph = graphShape(job.spec);
  const store = own ? new KeptStore(graph, own) : new MemoryStore(graph);
  const { shared: saving, published, kept, ready } = restored(graph, store, checkpoint);
  const shared = callbacks.published ? observed(saving, callbacks.published, signal) : saving;
  const shapes = allStructures(networkStructure(job.spec, job.layout));
  return {
    async run() {
      await ready();
      // Whoever looks at whole chapters has not got the layers of those that were under way.
      for (const task of callbacks.published ? layersOfOpenChapters(graph, published, kept) : [])
        await callbacks.published?.(task, await store.fetch(task, signal));
      // One node needs no thread of its own; it gives way to signals and messages between batches.
      if (execution.nodes === 1 && faults.length === 0)
        await kernels.use(
          (used) => runNode(job, 0, used, shared, signal, callbacks.node),
          (...why) => callbacks.died(0, ...why),
        );
      else await runThreads({ job, execution, store: shared, signal, faults, relays, events: callbacks });
      const result = await store.result();
      return result.map((output, i) => viewState(shapes[i] as LayerStructure, output.steps, output.buffer));
    },
    async newest() {
      const newest = await store.newest();
      if (newest.length < shapes.length) return { chapters: 0, states: [] };
      const states = newest.map(({ task, output }) =>
        viewState(shapes[task.layer] as LayerStructure, output.steps, output.buffer),
      );
      return { chapters: 1 + Math.min(...newest.map(({ task }) => task.chapter)), states };
    },
    peakStoreBytes: () => store.peakBytes,
    done: published.map((task) => refOf(graph, task)),
  };
}

/** Layers of chapters of which others are still to be trained, where all that were trained so far are still there. */
function layersOfOpenChapters(graph: GraphShape, published: readonly Task[], kept: readonly Task[]): Task[] {
  const isKept = new Set(kept.map(taskKey));
  const chapters = new Map<number, Task[]>();
  for (const task of published)
    if (task.kind === 'train') chapters.set(task.chapter, [...(chapters.get(task.chapter) ?? []), task]);
  return [...chapters.values()].flatMap((layers) =>
    layers.length < trainedLayers(graph) && layers.every((task) => isKept.has(taskKey(task))) ? layers : [],
  );
}

/** `store`, with `published` told of every output, and waited for until `stop` aborts. */
function observed(store: Store, published: (task: Task, output: Output) => Promise<void>, stop: AbortSignal): Store {
  const ended = new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
  return {
    isPublished: (task) => store.isPublished(task),
    published: (task, signal) => store.published(task, signal),
    fetch: (task, signal) => store.fetch(task, signal),
    publish: async (task, output) => {
      const looking = published(task, output);
      await store.publish(task, output);
      if (!stop.aborted) await Promise.race([looking, ended]);
    },
  };
}

/** Where a run begins: with what is published, and what of that is still there. */
interface Begun {
  readonly shared: Store;
  readonly published: readonly Task[];
  readonly kept: readonly Task[];
  readonly ready: () => Promise<void>;
}

/** What was found of an earlier process; `ready` puts it into `store`. What is published to `shared` is saved as well. */
function restored(graph: GraphShape, store: MemoryStore | KeptStore, checkpoint: Checkpoint | undefined): Begun {
  if (!checkpoint) return { shared: store, published: [], kept: [], ready: () => Promise.resolve() };
  const found = checkpoint.takeFound();
  const { published, kept } = restore(graph, (task) => found.has(taskKey(task)));
  const shared = new JournaledStore(store, graph, checkpoint.journal, published, found);
  return { shared, published, kept, ready: () => store.restore(published, found) };
}

/** @param start begins after the chapters that `from` gives, and again from what is saved by then if it must */
function baselineTraining(
  { job, checkpoint, callbacks: { chapter: ended } }: TrainingSetup,
  start: (
    saved: (chapter: number, states: LayerState[]) => void,
    from: () => SavedChapters | undefined,
  ) => Promise<LayerState[]>,
): Training {
  const { layers } = networkStructure(job.spec, job.layout);
  const from = newestWhole(layers, job.spec.splits, checkpoint?.takeFound() ?? new Map<string, Output>());
  let newest: SavedChapters = from ?? { chapters: 0, states: [] };
  return {
    run: () =>
      start(
        (chapter, states) => {
          newest = { chapters: chapter + 1, states };
          ended?.(chapter, states);
          checkpoint?.journal.save(
            states.map(({ steps, buffer }, layer) => ({ task: trainTask(chapter, layer), output: { steps, buffer } })),
          );
        },
        () => (newest.chapters > 0 ? newest : undefined),
      ),
    newest: () => Promise.resolve(newest),
    peakStoreBytes: () => 0,
    done: Array.from({ length: from?.chapters ?? 0 }, (_, chapter) => ({ chapter, layer: 'network' })),
  };
}

/** The newest chapter whose states were all found. Baselines train all layers together, so an incomplete one is of no use. */
function newestWhole(
  shapes: readonly LayerStructure[],
  splits: number,
  found: ReadonlyMap<string, Output>,
): SavedChapters | undefined {
  for (let chapter = splits - 1; chapter >= 0; chapter--) {
    const states = shapes.flatMap((shape) => {
      const output = found.get(taskKey(trainTask(chapter, shape.layer)));
      return output ? [viewState(shape, output.steps, output.buffer)] : [];
    });
    if (states.length === shapes.length) return { chapters: chapter + 1, states };
  }
  return undefined;
}
