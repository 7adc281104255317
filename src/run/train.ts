/** Trains a network as a spec says, as an async iterable of events. The last one has the result. */
import type { Dataset } from '../data/dataset.js';
import { nameInMemory } from '../data/dataset-names.js';
import { isDataset } from '../data/sources/load.js';
import { checkDataset } from '../data/well-formed.js';
import { placeText } from '../data/sources/own/place.js';
import { PffError } from '../errors.js';
import { checkOptions, checkText } from '../known-options.js';
import { loadPlugins } from '../node/threads/plugins.js';
import { checkIsSpec, resolveSpec, type PartialSpec } from '../spec/spec.js';
import type { RunEvent, RunResult } from './events.js';
import { checkFit, defaultsOfExecution, resolveExecution, type TrainOptions } from './options.js';
import { AsyncQueue } from './async-queue.js';
import { fitToData } from './fit-to-data.js';
import { withGpus } from './gpus.js';
import { openResume } from './resume.js';
import { checkTags } from './tags.js';
import { Run } from './run.js';

/**
 * Trains and evaluates. Events come as they happen; breaking out of the iteration stops the run.
 * @param inMemory a dataset in memory instead of the one that the spec names.
 * @throws PffError for anything wrong with what was asked; `interrupted` when `options.signal` aborts.
 */
export async function* train(asked: TrainOptions = {}, inMemory?: Dataset): AsyncGenerator<RunEvent, void, undefined> {
  checkOptions('train', asked, TRAIN_OPTIONS);
  if (asked.out !== undefined) checkText('out of train', asked.out);
  if (inMemory !== undefined) checkDataset('the second argument of train', inMemory);
  await loadPlugins(asked.plugins ?? []);
  const options = await withGpus(withPlace(asked));
  const { resume } = options;
  const resumed = resume === undefined ? undefined : openResume({ ...options, resume }, inMemory !== undefined);
  const execution = resumed?.execution ?? resolveExecution(options);
  const fitted = resumed ? undefined : await fitToData(askedSpec(options, inMemory), options, inMemory);
  const given = fitted?.dataset ?? inMemory;
  const spec = resumed?.spec ?? resolveSpec(defaultsOfExecution(fitted?.spec ?? {}, execution, options.shardDirs));
  const own = typeof options.store === 'object' ? { store: 'of your own' } : {};
  checkTags({ add: options.tags, note: options.note });
  checkFit(spec, { ...execution, ...own }, options.cluster !== undefined);
  if (options.cluster && resumed)
    throw new PffError('usage', 'a run on a cluster is not resumed: it goes on by itself', {
      hint: 'pff attach RUN follows it.',
    });
  const left = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
  const queue = new AsyncQueue<RunEvent>();
  const push = (event: RunEvent): void => queue.push(event);
  const running = new Run({ spec, execution, options, resumed: resumed?.note, signal, push }).run(given).then(
    () => queue.end(),
    (error: unknown) => queue.end({ cause: error }),
  );
  try {
    yield* queue;
  } finally {
    left.abort(new PffError('interrupted', 'nobody follows the run any more'));
    await running;
  }
}

/** Data of one's own are a dataset by name and a place. */
function withPlace({ data, ...options }: TrainOptions): TrainOptions {
  if (data === undefined) return options;
  const dataDir = placeText(typeof data === 'string' ? { data } : data);
  return {
    ...options,
    dataDir,
    spec: options.resume === undefined ? { ...options.spec, dataset: 'own' } : options.spec,
  };
}

/** A dataset in memory is not the one that a spec names where it names none. */
function askedSpec({ spec = {} }: TrainOptions, inMemory: Dataset | undefined): PartialSpec {
  checkIsSpec(spec);
  return inMemory ? { ...spec, dataset: spec.dataset ?? nameInMemory(inMemory, isDataset) } : spec;
}

const TRAIN_OPTIONS = {
  spec: true,
  data: true,
  variant: true,
  nodes: true,
  threadsPerNode: true,
  kernels: true,
  gpus: true,
  dataDir: true,
  shardDirs: true,
  out: true,
  tags: true,
  note: true,
  resume: true,
  init: true,
  plugins: true,
  store: true,
  signal: true,
  cluster: true,
  analyseEvery: true,
  validateEvery: true,
  validateSamples: true,
  repeat: true,
  maxDrop: true,
  faults: true,
} as const;

/** Runs to the end and returns the result only. */
export async function trainToEnd(options: TrainOptions = {}, given?: Dataset): Promise<RunResult> {
  for await (const event of train(options, given)) if (event.type === 'finished') return event.result;
  throw new PffError('interrupted', 'the run ended without a result');
}
