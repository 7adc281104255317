/** Trains a network as a spec says, as an async iterable of events. The last one has the result. */
import type { Dataset } from '../data/dataset.js';
import { PffError } from '../errors.js';
import { checkOptions } from '../known-options.js';
import { loadPlugins } from '../node/threads/plugins.js';
import { resolveSpec } from '../spec/spec.js';
import type { RunEvent, RunResult } from './events.js';
import { checkFit, defaultsOfExecution, resolveExecution, type TrainOptions } from './options.js';
import { AsyncQueue } from './async-queue.js';
import { openResume } from './resume.js';
import { Run } from './run.js';

/**
 * Trains and evaluates. Events come as they happen; breaking out of the iteration stops the run.
 * @param given a dataset in memory instead of the one that the spec names.
 * @throws PffError for anything wrong with what was asked; `interrupted` when `options.signal` aborts.
 */
export async function* train(options: TrainOptions = {}, given?: Dataset): AsyncGenerator<RunEvent, void, undefined> {
  checkOptions('train', options, TRAIN_OPTIONS);
  await loadPlugins(options.plugins ?? []);
  const { resume } = options;
  const resumed = resume === undefined ? undefined : openResume({ ...options, resume }, given !== undefined);
  const execution = resumed?.execution ?? resolveExecution(options);
  const spec = resumed?.spec ?? resolveSpec(defaultsOfExecution(options.spec ?? {}, execution, options.shardDirs));
  const own = typeof options.store === 'object' ? { store: 'of your own' } : {};
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

const TRAIN_OPTIONS = {
  spec: true,
  variant: true,
  nodes: true,
  threadsPerNode: true,
  kernels: true,
  dataDir: true,
  shardDirs: true,
  out: true,
  resume: true,
  plugins: true,
  store: true,
  signal: true,
  cluster: true,
  analyseEvery: true,
  faults: true,
} as const;

/** Runs to the end and returns the result only. */
export async function trainToEnd(options: TrainOptions = {}, given?: Dataset): Promise<RunResult> {
  for await (const event of train(options, given)) if (event.type === 'finished') return event.result;
  throw new PffError('interrupted', 'the run ended without a result');
}
