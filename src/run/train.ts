/** Trains a network as a spec says, as an async iterable of events. The last one has the result. */
import path from 'node:path';
import { loadDataset } from '../data/sources/load.js';
import type { Dataset } from '../data/dataset.js';
import { commandLine, openingFlags } from '../command-line.js';
import { checkSamples } from '../data/plausible.js';
import { PffError } from '../errors.js';
import { checkOptions } from '../known-options.js';
import { usableCores } from './cores.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Numerics } from '../kernels/numerics.js';
import { openKernels } from '../kernels/open.js';
import type { LayerState } from '../layers/layer-state.js';
import { describeLayers } from '../layers/sizes.js';
import { Predictor, type Evaluation } from '../model/predictor.js';
import { Breather, nowMs } from '../node/clock.js';
import type { NodeEvent } from '../node/events.js';
import type { Job } from '../node/job.js';
import { loadPlugins } from '../node/threads/plugins.js';
import { summarise, type Span } from '../schedule/timeline.js';
import { resolveSpec, type RunSpec } from '../spec/spec.js';
import { Analyst, chaptersBetweenLooks } from './analyst.js';
import { openOwnStore, type OwnStore } from '../store/own-store.js';
import { clusterTraining } from './cluster/follow.js';
import type { ClusterOptions } from './cluster/options.js';
import { newRunRecord, type RunSetting } from './cluster/record.js';
import { modelDigest } from '../model/digest.js';
import type { DatasetFacts } from '../node/prepare.js';
import type { RunEvent, RunResult } from './events.js';
import { Checkpoint, specOfStates, type RunNote } from './checkpoint.js';
import { openTraining, type Callbacks, type Training } from './execute.js';
import { MODEL_FILE, RESULT_FILE, RunFolder, SPEC_FILE } from './folder.js';
import { checkMemory, memoryBound, serverBytes } from './memory.js';
import { encodeSealed } from './model-integrity.js';
import { checkFit, defaultsOfExecution, resolveExecution, type Execution, type TrainOptions } from './options.js';
import { prepareData, type PreparedData } from '../node/prepare.js';
import { AsyncQueue } from './async-queue.js';
import { runResult } from './result.js';
import { openResume } from './resume.js';
import { VERSION } from './version.js';

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
  const running = new Run(spec, execution, options, resumed?.note, signal, (event) => queue.push(event))
    .run(given)
    .then(
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

class Run {
  readonly #spec: RunSpec;
  readonly #execution: Execution;
  readonly #options: TrainOptions;
  /** What is known of the run that this one goes on with. */
  readonly #resumed: RunNote | undefined;
  readonly #signal: AbortSignal;
  readonly #push: (event: RunEvent) => void;
  readonly #spans: Span[] = [];
  #folder: RunFolder | undefined;
  #checkpoint: Checkpoint | undefined;
  #startedMs = nowMs();

  constructor(
    spec: RunSpec,
    execution: Execution,
    options: TrainOptions,
    resumed: RunNote | undefined,
    signal: AbortSignal,
    push: (event: RunEvent) => void,
  ) {
    this.#spec = spec;
    this.#execution = execution;
    this.#options = options;
    this.#resumed = resumed;
    this.#signal = signal;
    this.#push = push;
  }

  async run(given: Dataset | undefined): Promise<void> {
    const { nodes, threadsPerNode, kernels: choice } = this.#execution;
    const { dataset: name } = this.#spec;
    const dataDir = this.#options.dataDir ?? this.#resumed?.dataDir;
    const shardDirs = this.#options.shardDirs ?? this.#resumed?.shardDirs;
    const dataset = given ?? (await loadDataset({ dataset: name, dataDir, needs: shardDirs ? 'test' : undefined }));
    const shards = shardDirs && (await Promise.all(shardDirs.map((dir, shard) => loadShard(name, dir, shard))));
    checkSamples(dataset);
    const prepared = prepareData(dataset, this.#spec, shards);
    this.#checkData(prepared.facts);
    const { cluster, resume, out, analyseEvery } = this.#options;
    const looked = analyseEvery !== undefined;
    const bound = memoryBound(this.#spec, this.#execution, prepared, (resume ?? out) !== undefined, looked);
    // Nodes of a cluster have their own memory and cores; this process only follows and evaluates.
    if (!cluster) checkMemory(bound, nodes);
    const threads = cluster ? usableCores() : nodes * threadsPerNode;
    const { precision } = this.#spec;
    const { kernels, reason } = await openKernels({ kernels: choice, threads, precision });
    // Beside nodes that are threads of their own, looking takes one core only.
    const looking =
      nodes > 1 && looked ? (await openKernels({ kernels: choice, threads: 1, precision })).kernels : kernels;
    const analyst = looked ? this.#analyst(prepared, looking) : undefined;
    try {
      this.#checkNumerics(kernels);
      this.#begin(prepared, kernels, reason);
      for (const note of dataset.notes ?? []) this.#notice(`dataset ${dataset.name}: ${note}`);
      const { states, seconds, training } = await this.#train(prepared, kernels, analyst);
      // On a cluster, nodes that stand by have numbers beyond those of the slots.
      const numbers = 1 + this.#spans.reduce((most, { node }) => Math.max(most, node), nodes - 1);
      const summary = summarise({ nodes: numbers, spans: this.#spans });
      this.#emit({ type: 'trained', seconds, summary });
      const digest = modelDigest(states);
      this.#folder?.write(
        MODEL_FILE,
        encodeSealed(this.#spec, states, modelMetadata(kernels.numerics, prepared, digest)),
      );

      const evaluationStart = nowMs();
      const evaluation = await this.#evaluate(prepared, kernels, states);
      const result = runResult({
        spec: this.#spec,
        execution: this.#execution,
        dataset: prepared.facts,
        kernels,
        evaluation,
        trainSeconds: seconds,
        evaluateSeconds: (nowMs() - evaluationStart) / 1000,
        modelDigest: digest,
        peakStoreBytes: training.peakStoreBytes(),
        memoryBoundBytes: bound.total,
        spans: this.#spans,
        summary,
        folder: this.#folder?.path,
      });
      await analyst?.final(states);
      await this.#checkpoint?.journal.finish();
      this.#folder?.write(RESULT_FILE, `${JSON.stringify(result, undefined, 2)}\n`);
      this.#emit({ type: 'finished', result });
    } finally {
      await analyst?.close();
      if (looking !== kernels) looking.close();
      await this.#checkpoint?.journal.flush();
      this.#folder?.close();
      kernels.close();
    }
  }

  #begin(prepared: PreparedData, kernels: Kernels, kernelsReason: string | undefined): void {
    const { resume, out } = this.#options;
    const dataDir = this.#options.dataDir === undefined ? this.#resumed?.dataDir : path.resolve(this.#options.dataDir);
    const shardDirs = this.#options.shardDirs?.map((dir) => path.resolve(dir)) ?? this.#resumed?.shardDirs;
    const folder = resume ?? out;
    if (folder !== undefined) {
      this.#folder = new RunFolder(folder, resume !== undefined, (reason) =>
        this.#notice(`the event log cannot be written (${reason}); the run goes on, and so do the attempts`),
      );
      this.#folder.write(SPEC_FILE, `${JSON.stringify(this.#spec, undefined, 2)}\n`);
    }
    // A run on a cluster is kept by the cluster; there is nothing to resume here.
    if (this.#folder && !this.#options.cluster) {
      const note = {
        execution: this.#execution,
        dataDigest: prepared.facts.digest,
        dataDir,
        shardDirs,
        spec: { ...this.#spec },
        stateSpec: this.#resumed?.stateSpec ?? specOfStates(this.#spec),
        version: VERSION,
        numerics: kernels.numerics.id,
      };
      this.#checkpoint = new Checkpoint(this.#folder.path, note, resume !== undefined, (reason) =>
        this.#emit({ type: 'checkpoint-failed', reason }),
      );
    }
    this.#emit({
      type: 'started',
      time: new Date().toISOString(),
      version: VERSION,
      spec: this.#spec,
      execution: this.#execution,
      kernels: kernels.name,
      numerics: kernels.numerics,
      network: describeLayers(this.#spec.layers),
      kernelsReason,
      dataset: prepared.facts,
      folder: this.#folder?.path,
      dataDir,
      shardDirs,
    });
  }

  async #train(
    prepared: PreparedData,
    kernels: Kernels,
    analyst: Analyst | undefined,
  ): Promise<{ states: LayerState[]; seconds: number; training: Training }> {
    this.#startedMs = nowMs();
    const job: Job = {
      spec: this.#spec,
      variant: this.#execution.variant === 'dff' ? 'sequential' : this.#execution.variant,
      nodes: this.#execution.nodes,
      layout: prepared.layout,
      classes: prepared.facts.classes.length,
      sites: prepared.sites,
      startedMs: this.#startedMs,
    };
    const callbacks: Callbacks = {
      node: (event) => this.#nodeEvent(event),
      died: (node, reason, deaths) => this.#emit({ type: 'node-died', node, reason, deaths, at: this.#seconds() }),
      ...(analyst ? { published: (task, output) => analyst.published(task, output) } : {}),
    };
    const faults = this.#options.faults ?? [];
    const own = await this.#ownStore();
    const training = this.#options.cluster
      ? this.#onCluster(this.#options.cluster, prepared, kernels)
      : openTraining({
          job,
          execution: this.#execution,
          kernels,
          signal: this.#signal,
          faults,
          callbacks,
          checkpoint: this.#checkpoint,
          own,
        });
    if (this.#checkpoint?.resumed)
      this.#emit({ type: 'resumed', done: training.done, damaged: this.#checkpoint.damaged });
    try {
      const states = await training.run();
      return { states, seconds: (nowMs() - job.startedMs) / 1000, training };
    } catch (error) {
      if (!this.#signal.aborted) throw error;
      throw training.interruption?.() ?? (await this.#interrupted(training, prepared, kernels));
    } finally {
      await own?.close();
    }
  }

  #onCluster(cluster: ClusterOptions, prepared: PreparedData, { numerics }: Kernels): Training {
    const { variant, nodes } = this.#execution;
    const setting = {
      run: cluster.run,
      spec: this.#spec,
      variant: variant === 'dff' ? 'sequential' : variant,
      nodes,
      numerics,
      leaseMs: cluster.leaseMs ?? 10_000,
      storage: cluster.storage ?? 'file',
      replicas: cluster.replicas ?? 1,
      maxBytes: cluster.maxBytes ?? 0,
    } as const;
    if (!cluster.record) checkServerBytes(setting, prepared);
    const record = cluster.record ?? newRunRecord(setting, prepared.facts);
    // As the nodes count: so what happens now stands beside what they were doing, however late this one joined.
    this.#startedMs = record.createdMs;
    return clusterTraining(cluster, record, prepared, this.#signal, {
      node: (event) => this.#nodeEvent(event),
      notice: (text) => this.#notice(text),
    });
  }

  #analyst(prepared: PreparedData, kernels: Kernels): Analyst {
    const asked = this.#options.analyseEvery;
    const every = asked === undefined || asked === 'seldom' ? chaptersBetweenLooks(this.#spec, prepared) : asked;
    return new Analyst(
      this.#spec,
      prepared,
      kernels,
      every,
      (chapter, analysis, seconds) => this.#emit({ type: 'analysis', chapter, at: this.#seconds(), seconds, analysis }),
      (reason) => this.#notice(`the network was not analysed: ${reason}`),
    );
  }

  #notice(text: string): void {
    this.#emit({ type: 'notice', text, at: this.#seconds() });
  }

  /** Since the start of training. */
  #seconds(): number {
    return Math.max(0, nowMs() - this.#startedMs) / 1000;
  }

  #nodeEvent(event: NodeEvent): void {
    if (event.type === 'task-finished') this.#spans.push(...event.spans);
    this.#emit(event);
  }

  async #evaluate(prepared: PreparedData, kernels: Kernels, states: readonly LayerState[]): Promise<Evaluation> {
    const predictor = await Predictor.open(kernels, this.#spec, states);
    const breather = new Breather(this.#signal);
    try {
      return await predictor.evaluate(prepared.test, (done) => {
        this.#emit({ type: 'evaluating', done, samples: prepared.test.samples.count });
        return breather.breathe();
      });
    } finally {
      predictor.close();
    }
  }

  #emit(event: RunEvent): void {
    this.#folder?.log(event);
    this.#push(event);
  }

  /** @throws PffError `data` if a resumed run would go on on other data than it began with. */
  #checkData({ name, digest }: DatasetFacts): void {
    if (this.#resumed === undefined || this.#resumed.dataDigest === digest) return;
    throw new PffError('data', `dataset ${name} is not the one that the run began with: its digest is ${digest}`, {
      hint: `The run began with data of digest ${this.#resumed.dataDigest}; give --data-dir (and --shard-dirs) if it lies elsewhere now.`,
    });
  }

  /** @throws PffError `usage` if a resumed run would go on with other bits than it began with. */
  #checkNumerics({ name, numerics: { id } }: Kernels): void {
    if (this.#resumed === undefined || this.#resumed.numerics === id) return;
    throw new PffError(
      'usage',
      `the run has numerics ${this.#resumed.numerics}, but kernels ${name} compute ${id}: that would change its bits`,
      { hint: 'Choose --kernels with its numerics, or begin a new run.' },
    );
  }

  async #ownStore(): Promise<Required<OwnStore> | undefined> {
    const store = this.#options.store ?? this.#execution.store;
    if (store === undefined || store === 'memory') return undefined;
    return openOwnStore(store, { spec: this.#spec, folder: this.#folder?.path });
  }

  /** The command that goes on with this run. */
  #resuming(): string {
    const flags = openingFlags({ execution: this.#execution });
    return commandLine(['pff', 'train', '--resume', this.#folder?.path ?? '', ...flags]);
  }

  /** Saves what there is: each layer's newest state, if every layer has one. */
  async #interrupted(training: Training, prepared: PreparedData, { numerics }: Kernels): Promise<PffError> {
    const { chapters, states } = await training.newest();
    let saved: string | undefined;
    if (this.#folder && chapters > 0) {
      const metadata = {
        ...modelMetadata(numerics, prepared, modelDigest(states)),
        interruptedAfterChapters: String(chapters),
      };
      saved = this.#folder.write(MODEL_FILE, encodeSealed(this.#spec, states, metadata));
    }
    this.#emit({ type: 'interrupted', chapters, savedModel: saved });
    const done = `${chapters} of ${this.#spec.splits} chapters`;
    return new PffError('interrupted', `interrupted after ${done}`, {
      hint: saved
        ? `The layers as they were, ${done} trained, are in ${saved}; ${this.#resuming()} goes on from there.`
        : chapters > 0
          ? 'No model was saved: the run has no folder.'
          : 'No model was saved: not every layer had finished its first chapter.',
    });
  }
}

/** @throws PffError `data`, saying which shard's folder is meant. */
async function loadShard(dataset: string, dir: string, shard: number): Promise<Dataset> {
  try {
    return await loadDataset({ dataset, dataDir: dir, needs: 'train' });
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    const hint = error.hint?.replaceAll('--data-dir', '--shard-dirs');
    throw new PffError(error.code, `shard ${shard + 1} (${dir}): ${error.message}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
}

function modelMetadata({ id: numerics }: Numerics, prepared: PreparedData, digest: string): Record<string, string> {
  const { classes, digest: dataDigest } = prepared.facts;
  return { program: `pff ${VERSION}`, modelDigest: digest, numerics, dataDigest, classes: JSON.stringify(classes) };
}

/** @throws PffError `usage` where the run would come to wait for room that it never gets */
function checkServerBytes({ spec, variant, nodes, maxBytes }: RunSetting, prepared: PreparedData): void {
  const needed = serverBytes(spec, { variant, nodes }, prepared);
  if (maxBytes === 0 || maxBytes >= needed) return;
  throw new PffError(
    'usage',
    `maxBytes is ${maxBytes}, but the run may need ${needed} bytes on the server, and would wait for room that it never gets`,
    { hint: `Give --max-bytes ${needed} or more, or 0 for no limit; fewer --nodes need less.` },
  );
}
