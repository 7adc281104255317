/** One run from its data to its result: trains, saves, evaluates, and tells of it in events. */
import path from 'node:path';
import type { Dataset } from '../data/dataset.js';
import type { PffError } from '../errors.js';
import { usableCores } from './cores.js';
import type { Kernels } from '../kernels/kernels.js';
import { openKernels } from '../kernels/open.js';
import type { LayerState } from '../layers/layer-state.js';
import { describeLayers } from '../layers/sizes.js';
import type { LabelledData } from '../model/labelled-data.js';
import type { Evaluation } from '../model/predictor.js';
import { nowMs } from '../node/clock.js';
import type { NodeEvent } from '../node/events.js';
import type { Job } from '../node/job.js';
import { summarise, type Span } from '../schedule/timeline.js';
import type { RunSpec } from '../spec/spec.js';
import { openOwnStore, type OwnStore } from '../store/own-store.js';
import type { RunRecord } from '../store/cluster/run-record.js';
import { noteCluster } from './cluster/cluster-note.js';
import { followingFlags } from './cluster/command.js';
import type { ClusterOptions } from './cluster/options.js';
import { evaluate } from './evaluate.js';
import { earlierSeconds } from './earlier-parts.js';
import type { RunEvent } from './events.js';
import { Checkpoint, specOfStates, type RunNote } from './checkpoint.js';
import { openTraining, type Callbacks, type Training } from './execute.js';
import { MODEL_FILE, RESULT_FILE, RunFolder, SPEC_FILE } from './folder.js';
import { adviceOn } from './advice.js';
import { encodeInitial, INITIAL_FILE, initialOf, type Initial } from './initial.js';
import { checkMemory, memoryBound, withinMemory } from './memory.js';
import type { Execution, TrainOptions } from './options.js';
import type { PreparedData } from '../node/prepare.js';
import { RunKernels } from '../node/run-kernels.js';
import { runResult } from './result.js';
import { checkNumerics, notesOnResuming } from './resume.js';
import { loadRunData } from './run-data.js';
import { interruptedEvaluation, interruption, saveInterrupted, saveModel, type ModelOrigin } from './run-model.js';
import { changeTags } from './tags.js';
import { followersPlan, validationPlan, type Validator, type ValidationPlan } from './validator.js';
import { PROGRAM, VERSION } from './version.js';
import { untilEnough, Watchers } from './watchers.js';

/** What a run is made of. */
export interface RunParts {
  readonly spec: RunSpec;
  readonly execution: Execution;
  readonly options: TrainOptions;
  /** What is known of the run that this one goes on with. */
  readonly resumed: RunNote | undefined;
  readonly signal: AbortSignal;
  readonly push: (event: RunEvent) => void;
}

/** What a run knows when it begins. */
interface Beginning {
  readonly prepared: PreparedData;
  readonly kernels: Kernels;
  /** Why these kernels. */
  readonly reason: string | undefined;
  readonly initial: Initial | undefined;
}

export class Run {
  /** As asked; once it is known, with the digest of the model that it begins with. */
  #spec: RunSpec;
  readonly #execution: Execution;
  readonly #options: TrainOptions;
  readonly #resumed: RunNote | undefined;
  readonly #signal: AbortSignal;
  readonly #push: (event: RunEvent) => void;
  readonly #spans: Span[] = [];
  #folder: RunFolder | undefined;
  #checkpoint: Checkpoint | undefined;
  /** Of a run on a cluster. */
  #record: RunRecord | undefined;
  /** Whether the folder has something to keep: a run that can be gone on with, here or on a cluster. */
  #isKept = false;
  #startedMs = nowMs();
  #relays = false;

  constructor({ spec, execution, options, resumed, signal, push }: RunParts) {
    this.#spec = spec;
    this.#execution = execution;
    this.#options = options;
    this.#resumed = resumed;
    this.#signal = signal;
    this.#push = push;
  }

  /** @param given a data set in memory instead of the one that the spec names */
  async run(given: Dataset | undefined): Promise<void> {
    const { nodes, threadsPerNode } = this.#execution;
    const { prepared, notes } = await loadRunData(this.#spec, this.#options, this.#resumed, given);
    const { cluster, resume, out, analyseEvery } = this.#options;
    const initial = cluster?.record ? undefined : initialOf(this.#options, this.#spec, prepared);
    if (initial) this.#spec = { ...this.#spec, init: initial.digest };
    const looked = analyseEvery !== undefined;
    const { validateEvery: every, validateSamples: samples } = this.#options;
    const asked = validationPlan(this.#spec, prepared, { every, samples });
    const plan = cluster ? followersPlan(this.#spec, asked, every) : asked;
    const saved = (resume ?? out) !== undefined;
    const beside = { saved, looked, measured: plan.every > 0 };
    const bound = withinMemory(memoryBound(this.#spec, this.#execution, prepared, beside));
    this.#relays = bound.relayed > 0 && !this.#options.repeat;
    // Nodes of a cluster have their own memory and cores; this process only follows and evaluates.
    if (!cluster) checkMemory(bound, nodes);
    const threads = cluster ? usableCores() : nodes * threadsPerNode;
    const { precision } = this.#spec;
    const own = await RunKernels.open(this.#execution.kernels, (choice) =>
      openKernels({ kernels: choice, threads, precision }),
    );
    const kernels = own.current;
    let watchers: Watchers | undefined;
    try {
      if (this.#resumed) checkNumerics(this.#resumed, kernels);
      // Before there is a run folder: a submission that is not accepted leaves none.
      if (cluster) {
        // Only here: the server's client is a third of the program.
        const { acceptedRecord } = await import('./cluster/submit.js');
        this.#record = await acceptedRecord(cluster, {
          spec: this.#spec,
          execution: this.#execution,
          numerics: kernels.numerics,
          prepared,
        });
      }
      this.#begin({ prepared, kernels, reason: own.reason, initial });
      const about = this.#resumed ? notesOnResuming(this.#resumed, this.#spec) : adviceOn(this.#spec);
      for (const note of [...notes, ...(initial?.notes ?? []), ...about]) this.#notice(note);
      watchers = await this.#watchers(prepared, own, plan);
      const { states, seconds, training } = await this.#train(prepared, own, initial, watchers);
      const best = await watchers.best();
      // On a cluster, nodes that stand by have numbers beyond those of the slots.
      const numbers = 1 + this.#spans.reduce((most, { node }) => Math.max(most, node), nodes - 1);
      const summary = summarise({ nodes: numbers, spans: this.#spans });
      // Who follows a run of a cluster may have come late, or it waited for its first node.
      const trainSeconds = this.#options.cluster ? summary.makespan : seconds;
      this.#emit({ type: 'trained', seconds: trainSeconds, summary });
      const digest = saveModel(this.#folder, this.#origin(prepared, kernels), states);

      const evaluationStart = nowMs();
      const evaluation = await this.#evaluate(prepared.test, own, states);
      const validation = prepared.validation && (await this.#evaluate(prepared.validation, own, states));
      const result = runResult({
        spec: this.#spec,
        execution: this.#execution,
        dataset: prepared.facts,
        kernels,
        evaluation,
        validation,
        trainSeconds,
        earlierSeconds: resume === undefined ? 0 : earlierSeconds(resume),
        evaluateSeconds: (nowMs() - evaluationStart) / 1000,
        modelDigest: digest,
        peakStoreBytes: training.peakStoreBytes(),
        memoryBoundBytes: bound.total,
        spans: this.#spans,
        summary,
        relayed: this.#relays && !this.#options.cluster && this.#execution.gpus === undefined,
        followed: this.#options.cluster !== undefined,
        best: best && { chapter: best.chapter, accuracy: best.right / best.samples },
        folder: this.#folder?.path,
      });
      await watchers.final(states, best?.chapter ?? this.#spec.splits - 1);
      await this.#checkpoint?.journal.finish();
      this.#folder?.write(RESULT_FILE, `${JSON.stringify(result, undefined, 2)}\n`);
      this.#emit({ type: 'finished', result });
    } finally {
      await watchers?.close();
      await this.#checkpoint?.journal.flush();
      if (this.#isKept) this.#folder?.close();
      else this.#folder?.discard();
      own.close();
    }
  }

  #begin({ prepared, kernels, reason: kernelsReason, initial }: Beginning): void {
    const { resume, out } = this.#options;
    const dataDir = this.#dataDir();
    const shardDirs = this.#options.shardDirs?.map((dir) => path.resolve(dir)) ?? this.#resumed?.shardDirs;
    const folder = resume ?? out;
    if (folder !== undefined) {
      this.#folder = new RunFolder(folder, resume !== undefined, (reason) =>
        this.#notice(`the event log cannot be written (${reason}); the run goes on, and so do the attempts`),
      );
      this.#folder.write(SPEC_FILE, `${JSON.stringify(this.#spec, undefined, 2)}\n`);
      const { tags, note: words } = this.#options;
      if (tags !== undefined || words !== undefined) changeTags(this.#folder.path, { add: tags, note: words });
      // Before the note of the checkpoint, by which the run can be gone on with.
      if (initial && resume === undefined) this.#folder.write(INITIAL_FILE, encodeInitial(this.#spec, initial));
    }
    const { cluster } = this.#options;
    // A run on a cluster is kept by the cluster; there is nothing to resume here.
    if (this.#folder && cluster) noteCluster(this.#folder, cluster, this.#following());
    else if (this.#folder) {
      const note = {
        execution: this.#execution,
        dataDigest: prepared.facts.digest,
        dataDir,
        shardDirs,
        spec: { ...this.#spec },
        stateSpec: this.#resumed?.stateSpec ?? specOfStates(this.#spec),
        version: VERSION,
        program: PROGRAM,
        numerics: kernels.numerics.id,
      };
      this.#checkpoint = new Checkpoint(this.#folder.path, note, resume !== undefined, (reason) =>
        this.#emit({ type: 'checkpoint-failed', reason }),
      );
    }
    this.#isKept = !cluster || cluster.record !== undefined;
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
    kernels: RunKernels,
    initial: Initial | undefined,
    watchers: Watchers,
  ): Promise<{ states: readonly LayerState[]; seconds: number; training: Training }> {
    this.#startedMs = nowMs();
    const job: Job = {
      spec: this.#spec,
      variant: this.#execution.variant === 'dff' ? 'sequential' : this.#execution.variant,
      nodes: this.#execution.nodes,
      layout: prepared.layout,
      classes: prepared.facts.classes.length,
      sites: prepared.sites,
      ...(initial ? { initial: initial.states.map(({ buffer }) => buffer) } : {}),
      ...(this.#options.repeat ? { repeat: this.#options.repeat } : {}),
      startedMs: this.#startedMs,
    };
    const callbacks: Callbacks = {
      node: (event) => this.#nodeEvent(event),
      died: (...which) => this.#died(...which),
      placed: (text) => this.#notice(text),
      ...watchers.callbacks(),
    };
    const faults = this.#options.faults ?? [];
    const own = await this.#ownStore();
    const origin = this.#origin(prepared, kernels.current);
    const { cluster } = this.#options;
    const training =
      cluster && this.#record
        ? await this.#onCluster(cluster, this.#record, prepared, watchers.validator)
        : openTraining({
            job,
            execution: this.#execution,
            kernels,
            signal: AbortSignal.any([this.#signal, watchers.enough]),
            faults,
            relays: this.#relays,
            callbacks,
            checkpoint: this.#checkpoint,
            own,
          });
    if (this.#checkpoint?.resumed)
      this.#emit({ type: 'resumed', done: training.done, damaged: this.#checkpoint.damaged });
    try {
      const trained = await untilEnough(training.run(), watchers.enough);
      const states = (await watchers.best())?.states ?? trained;
      return { states, seconds: (nowMs() - job.startedMs) / 1000, training };
    } catch (error) {
      if (!this.#signal.aborted) throw error;
      throw training.interruption?.() ?? (await this.#interrupted(training, origin));
    } finally {
      await own?.close();
    }
  }

  async #onCluster(
    cluster: ClusterOptions,
    record: RunRecord,
    prepared: PreparedData,
    validator: Validator | undefined,
  ): Promise<Training> {
    const { clusterTraining } = await import('./cluster/follow.js');
    // As the nodes count: so what happens now stands beside what they were doing, however late this one joined.
    this.#startedMs = record.createdMs;
    const onSubmitted = (): void => {
      this.#isKept = true;
      cluster.onSubmitted?.();
    };
    return clusterTraining({ ...cluster, onSubmitted }, record, prepared, this.#signal, {
      node: (event) => this.#nodeEvent(event),
      notice: (text) => this.#notice(text),
      audits: (report) => this.#emit({ type: 'audits', ...report }),
      following: this.#following(),
      looks: validator && {
        wants: (task) => validator.wants(task),
        see: (task, output) => validator.published(task, output),
      },
    });
  }

  /** Options with which the run on the cluster is followed from here. */
  #following(): string[] {
    return followingFlags(this.#spec.dataset, { dataDir: this.#dataDir(), plugins: this.#execution.plugins });
  }

  /** Where the data lie, from whatever folder. */
  #dataDir(): string | undefined {
    const { dataDir } = this.#options;
    return dataDir === undefined ? this.#resumed?.dataDir : path.resolve(dataDir);
  }

  #watchers(prepared: PreparedData, kernels: RunKernels, plan: ValidationPlan): Promise<Watchers> {
    const of = `${this.#resumed?.stateSpec ?? specOfStates(this.#spec)} ${prepared.facts.digest}`;
    return Watchers.open({
      spec: this.#spec,
      execution: this.#execution,
      prepared,
      kernels,
      plan,
      analyseEvery: this.#options.analyseEvery,
      maxDrop: this.#options.maxDrop,
      folder: { path: this.#folder?.path, of },
      emit: (event) => this.#emit(event),
      notice: (text) => this.#notice(text),
      seconds: () => this.#seconds(),
    });
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

  #died(node: number, reason: string, deaths: number): void {
    this.#emit({ type: 'node-died', node, reason, deaths, at: this.#seconds() });
  }

  #evaluate(data: LabelledData, kernels: RunKernels, states: readonly LayerState[]): Promise<Evaluation> {
    return evaluate(kernels, data, {
      spec: this.#spec,
      states,
      signal: this.#signal,
      progress: (done) => this.#emit({ type: 'evaluating', done, samples: data.samples.count }),
      again: (reason) => this.#notice(`measuring begins again: ${reason}`),
      interrupted: () => {
        const folder = this.#folder?.path;
        const savedModel = folder && path.join(folder, MODEL_FILE);
        this.#emit({ type: 'interrupted', chapters: this.#spec.splits, savedModel });
        return interruptedEvaluation(folder, this.#execution, this.#options.cluster !== undefined);
      },
    });
  }

  #emit(event: RunEvent): void {
    this.#folder?.log(event);
    this.#push(event);
  }

  async #ownStore(): Promise<Required<OwnStore> | undefined> {
    const store = this.#options.store ?? this.#execution.store;
    if (store === undefined || store === 'memory') return undefined;
    const patience = { signal: this.#signal, notice: (text: string) => this.#notice(text) };
    return openOwnStore(store, { spec: this.#spec, folder: this.#folder?.path }, patience);
  }

  #origin(prepared: PreparedData, { numerics }: Kernels): ModelOrigin {
    return { spec: this.#spec, numerics, prepared };
  }

  /** Saves what there is: each layer's newest state, if every layer has one. */
  async #interrupted(training: Training, origin: ModelOrigin): Promise<PffError> {
    const newest = await training.newest();
    const { chapters } = newest;
    const savedModel = saveInterrupted(this.#folder, origin, newest);
    this.#emit({ type: 'interrupted', chapters, savedModel });
    const folder = this.#folder?.path;
    return interruption(this.#spec, chapters, { file: savedModel, folder, execution: this.#execution });
  }
}
