/**
 * The trainings of a sweep, one or several at once: here, each in a thread of its own, or on a cluster. Each has a run folder,
 * so that one that was stopped goes on where it was; on a cluster a name, by which it is found again.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { decodeError } from '../error-codec.js';
import { PffError } from '../errors.js';
import { startThread } from '../node/threads/thread.js';
import { AsyncQueue } from '../run/async-queue.js';
import { hasNote } from '../run/checkpoint.js';
import { removeRun, submittedRun } from '../run/cluster/submitted.js';
import { usableCores } from '../run/cores.js';
import type { ClusterOptions } from '../run/cluster/options.js';
import type { RunEvent, RunResult } from '../run/events.js';
import type { TrainOptions } from '../run/options.js';
import { readResult } from '../run/read-result.js';
import { train } from '../run/train.js';
import type { RunSpec } from '../spec/spec.js';
import type { TrainingThreadMessage, TrainingThreadSetup } from './training-thread.js';

/** One training: its name, by which its folder and its run on a cluster go, and what it trains. */
export interface Unit {
  readonly name: string;
  readonly spec: RunSpec;
  /** What it trains on: its spec may say how data are read. */
  readonly dataset: Dataset;
}

/** What happens to trainings. */
export type TrainingEvent =
  /** One begins; `done`: an earlier process has done it. */
  | { readonly type: 'training'; readonly name: string; readonly done: boolean }
  | { readonly type: 'run'; readonly name: string; readonly event: RunEvent }
  | { readonly type: 'trained'; readonly name: string; readonly result: RunResult };

/** How trainings are carried out. */
export interface TrainingsOptions extends Pick<
  TrainOptions,
  | 'nodes'
  | 'variant'
  | 'threadsPerNode'
  | 'kernels'
  | 'dataDir'
  | 'init'
  | 'plugins'
  | 'signal'
  // Of trainings on this machine only.
  | 'repeat'
  | 'maxDrop'
  | 'validateEvery'
  | 'validateSamples'
  | 'analyseEvery'
> {
  readonly out: string;
  readonly parallel: number;
  readonly cluster?: Omit<ClusterOptions, 'run' | 'record'> | undefined;
}

/** Where a training can be carried out. */
type Place = (unit: Unit, folder: string, signal: AbortSignal) => AsyncIterable<RunEvent>;

export class Trainings {
  readonly #options: TrainingsOptions;
  readonly #place: Place;

  constructor(options: TrainingsOptions) {
    this.#options = options;
    const { cluster, parallel } = options;
    this.#place = cluster
      ? (...all) => this.#onCluster(cluster, ...all)
      : parallel > 1
        ? (unit, folder, signal) => inThread(this.#here(unit, folder), unit.dataset, signal)
        : (unit, folder, signal) => train({ ...this.#here(unit, folder), signal }, unit.dataset);
  }

  /** Carries out `units`; their results, in the same order. The first failure stops all others. */
  async *all(units: readonly Unit[]): AsyncGenerator<TrainingEvent, RunResult[], undefined> {
    const queue = new AsyncQueue<TrainingEvent>();
    const stop = new AbortController();
    const { signal, parallel } = this.#options;
    const ended = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const results: RunResult[] = [];
    const waiting = [...units.entries()];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const [at, unit] = next;
        ended.throwIfAborted();
        results[at] = await this.#one(unit, ended, (event) => queue.push(event));
      }
    };
    const workers = Array.from({ length: Math.min(parallel, units.length) }, () =>
      worker().catch((error: unknown) => {
        stop.abort(error);
        throw error;
      }),
    );
    const all = (async (): Promise<void> => {
      const failed = (await Promise.allSettled(workers)).some(({ status }) => status === 'rejected');
      // What stopped the others, not that they were stopped.
      queue.end(failed ? { cause: stop.signal.reason as unknown } : undefined);
    })();
    try {
      yield* queue;
    } finally {
      stop.abort(new PffError('interrupted', 'nobody follows the trainings any more'));
      await all;
    }
    return results;
  }

  async #one(unit: Unit, signal: AbortSignal, tell: (event: TrainingEvent) => void): Promise<RunResult> {
    const { name } = unit;
    const folder = path.join(this.#options.out, name);
    const known = readResult(folder);
    tell({ type: 'training', name, done: known !== undefined });
    if (known) {
      checkLength(known, unit, folder);
      // An earlier process may have been killed just before it removed the run.
      const { cluster } = this.#options;
      if (cluster) await removeRun(cluster.server, this.#runName(name));
      return known;
    }
    let result: RunResult | undefined;
    for await (const event of this.#place(unit, folder, signal)) {
      tell({ type: 'run', name, event });
      if (event.type === 'finished') ({ result } = event);
    }
    if (result === undefined) throw new PffError('interrupted', `training ${name} ended without a result`);
    tell({ type: 'trained', name, result });
    return result;
  }

  /** In this process: a run that was stopped goes on; one that had not begun is begun anew. */
  #here({ spec }: Unit, folder: string): TrainingThreadSetup['options'] {
    const { nodes, variant, kernels, dataDir, init, plugins, parallel } = this.#options;
    const { repeat, maxDrop, validateEvery, validateSamples, analyseEvery } = this.#options;
    const threadsPerNode =
      this.#options.threadsPerNode ??
      (parallel > 1 ? Math.max(1, Math.floor(usableCores() / (parallel * (nodes ?? 1)))) : undefined);
    const resumes = hasNote(folder);
    if (!resumes) rmSync(folder, { recursive: true, force: true });
    const measured = { repeat, maxDrop, validateEvery, validateSamples, analyseEvery };
    const how = { nodes, variant, threadsPerNode, kernels, dataDir, plugins, ...measured };
    return { ...how, ...(resumes ? { resume: folder, spec: { epochs: spec.epochs } } : { out: folder, init, spec }) };
  }

  /** As a run of the cluster, which is followed again where it was submitted before. */
  async *#onCluster(
    cluster: NonNullable<TrainingsOptions['cluster']>,
    { name, spec, dataset }: Unit,
    out: string,
    signal: AbortSignal,
  ): AsyncGenerator<RunEvent, void, undefined> {
    const { nodes, variant, kernels, dataDir, init, plugins } = this.#options;
    const { run, record } = await submittedRun(cluster.server, this.#runName(name), spec, dataset);
    rmSync(out, { recursive: true, force: true });
    const how = record ? { variant: record.variant, nodes: record.nodes } : { variant, nodes };
    yield* train(
      { ...how, kernels, dataDir, init, plugins, spec, out, signal, cluster: { ...cluster, run, record } },
      dataset,
    );
    // All of it is in its folder now.
    await removeRun(cluster.server, run);
  }

  /** The same sweep in another folder is another sweep, which may go on at the same time. */
  #runName(unit: string): string {
    const where = createHash('sha256').update(JSON.stringify([os.hostname(), path.resolve(this.#options.out)]));
    return `${unit}-${where.digest('hex').slice(0, 6)}`;
  }
}

/** @throws PffError `usage` if somebody went on with the training by itself: it is no longer comparable with the others. */
function checkLength({ spec: { epochs } }: RunResult, { name, spec }: Unit, folder: string): void {
  if (epochs === spec.epochs) return;
  throw new PffError(
    'usage',
    `training ${name} is to have ${spec.epochs} epochs, but its folder has one of ${epochs}`,
    {
      hint: `It was gone on with by pff train --resume. Move ${folder} elsewhere; then it is trained again.`,
    },
  );
}

/** A training in a thread of its own. */
async function* inThread(
  options: TrainingThreadSetup['options'],
  dataset: Dataset,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, void, undefined> {
  const queue = new AsyncQueue<RunEvent>();
  const setup: TrainingThreadSetup = { options, dataset };
  const thread = startThread({ entry: 'reproduce/training-thread.js', name: 'pff training', setup });
  const stop = (): void => thread.postMessage('stop');
  signal.addEventListener('abort', stop, { once: true });
  thread.on('message', (message: TrainingThreadMessage) => {
    if (message.type === 'event') queue.push(message.event);
    else queue.end({ cause: decodeError(message.error) });
  });
  thread.on('error', (cause) => queue.end({ cause }));
  thread.on('exit', () => queue.end());
  try {
    yield* queue;
  } finally {
    signal.removeEventListener('abort', stop);
    await thread.terminate();
  }
}
