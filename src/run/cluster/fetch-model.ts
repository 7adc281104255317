/** Fetches a run's model as it is now: of a finished run its result, of one that goes on each layer's newest state. */
import { labelLayout } from '../../data/labels.js';
import { PffError } from '../../errors.js';
import { viewState, type LayerState, type LayerStructure } from '../../layers/layer-state.js';
import { modelDigest } from '../../model/digest.js';
import { allStructures, networkStructure } from '../../model/network.js';
import { checkGraph } from '../../schedule/bounds.js';
import { trainedLayers } from '../../schedule/shape.js';
import type { TrainTask } from '../../schedule/tasks.js';
import { systemClock } from '../../store/cluster/clock.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import { POLL_MS } from '../../store/cluster/mirror.js';
import { MissingOutput } from '../../store/cluster/outputs.js';
import type { RunRecord } from '../../store/cluster/run-record.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import type { Output } from '../../store/store.js';
import { MODEL_FILE, RunFolder, SPEC_FILE } from '../folder.js';
import { encodeSealed } from '../../model/model-integrity.js';
import { VERSION } from '../version.js';
import { clusterCommand } from './command.js';
import { doneTasks } from './done-tasks.js';
import { lacksResults, resultsLost } from './lost-results.js';
import { withRun } from './with-run.js';

/** How a model is fetched. */
interface FetchOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told what is waited for. */
  readonly say?: ((line: string) => void) | undefined;
}

/** A model that was fetched from a cluster into a folder. */
export interface FetchedModel {
  readonly folder: string;
  readonly modelDigest: string;
  /** Chapters that every layer has behind it. */
  readonly chapters: number;
  readonly finished: boolean;
}

/**
 * Writes the model (each layer as it is now, of the last chapter that all have) and the spec into a new folder. A large model may take
 * long over a slow network: `signal` ends it, not a time.
 */
export async function fetchModel(
  server: ServerOptions,
  run: string,
  out: string,
  { signal, say }: FetchOptions = {},
): Promise<FetchedModel> {
  const fetch = async (store: ClusterStore, record: RunRecord): Promise<FetchedModel> => {
    const { spec } = record;
    checkGraph(spec);
    if (lacksResults(record, store)) throw resultsLost(record);
    const { imageSize, classes, inputs } = record.dataset;
    const layout = labelLayout({ width: imageSize, height: 1, channels: 1 }, classes.length, spec.labelMode);
    const shapes = allStructures(networkStructure(spec, layout));
    const notYet = (layer: number): PffError =>
      new PffError('cluster', `run ${run} has no model yet: layer ${layer + 1} has not finished a chapter`, {
        hint: `${clusterCommand(server, 'status', run)} says how far it is.`,
      });
    const count = trainedLayers(store.shape);
    // Before anything is fetched: all layers are there.
    for (let layer = 0; layer < count; layer++) newestState(store, layer, notYet);
    const states: LayerState[] = [];
    const fetched: TrainTask[] = [];
    for (let layer = 0; layer < count; layer++) {
      const { task, output } = await fetchNewest(store, layer, notYet).catch((error: unknown) => {
        throw error instanceof MissingOutput && record.state === 'finished' ? resultsLost(record, error) : error;
      });
      fetched.push(task);
      states.push(viewState(shapes[layer] as LayerStructure, output.steps, output.buffer));
    }
    const chapters = 1 + Math.min(...fetched.map(({ chapter }) => chapter));
    // Where results are audited, those that wait for it are not the last word.
    const finished = chapters === spec.splits && (!store.audits || store.wanted(false).finished);
    const folder = new RunFolder(out);
    let whole = false;
    try {
      const digest = modelDigest(states);
      folder.write(SPEC_FILE, `${JSON.stringify(spec, undefined, 2)}\n`);
      const metadata = {
        program: `pff ${VERSION}`,
        modelDigest: digest,
        dataDigest: record.dataset.digest,
        numerics: record.numerics.id,
        classes: JSON.stringify(classes),
        ...(inputs ? { inputs: JSON.stringify(inputs) } : {}),
        ...(finished ? {} : { interruptedAfterChapters: String(chapters) }),
      };
      folder.write(MODEL_FILE, encodeSealed(spec, states, metadata));
      whole = true;
      return { folder: folder.path, modelDigest: digest, chapters, finished };
    } finally {
      // Else what is left would keep the same command from being tried again.
      if (whole) folder.close();
      else folder.discard();
    }
  };
  return withRun(server, run, fetch, { signal, say, withinMs: Infinity });
}

/** What it takes to find and fetch a layer's newest state. */
type NewestStore = Pick<ClusterStore, 'mirror' | 'shape' | 'signal' | 'fetch'>;

/** The newest published state of a layer. @throws what `notYet` makes where it has none */
function newestState(store: NewestStore, layer: number, notYet: (layer: number) => PffError): TrainTask {
  let newest: TrainTask | undefined;
  for (const task of doneTasks(store))
    if (task.kind === 'train' && task.layer === layer && task.chapter >= (newest?.chapter ?? 0)) newest = task;
  if (newest) return newest;
  throw notYet(layer);
}

/** A state that the run needs no more is dropped, also while it is fetched: then the one that took its place is fetched. */
export async function fetchNewest(
  store: NewestStore,
  layer: number,
  notYet: (layer: number) => PffError,
): Promise<{ readonly task: TrainTask; readonly output: Output }> {
  for (;;) {
    const task = newestState(store, layer, notYet);
    try {
      return { task, output: await store.fetch(task, store.signal) };
    } catch (error) {
      if (!(error instanceof MissingOutput)) throw error;
      await systemClock.sleep(POLL_MS, store.signal);
      if (newestState(store, layer, notYet).chapter <= task.chapter) throw error;
    }
  }
}
