/**
 * A run on a cluster, seen by the one who submits or follows it: a Training like any other, whose work is done elsewhere.
 * Everything it tells is read from the run's records, so it may begin at any time and miss nothing.
 */
import os from 'node:os';
import { PffError } from '../../errors.js';
import { viewState, type LayerStructure, type LayerState } from '../../layers/layer-state.js';
import { allStructures, networkStructure } from '../../model/network.js';
import type { NodeEvent } from '../../node/events.js';
import { openStore } from '../../node/cluster/open-store.js';
import { RunFailed } from '../../node/cluster/run-failed.js';
import { results, type Task } from '../../schedule/tasks.js';
import type { Span } from '../../schedule/timeline.js';
import { systemClock } from '../../store/cluster/clock.js';
import { EngineError } from '../../store/cluster/engine.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import { MissingOutput } from '../../store/cluster/outputs.js';
import { POLL_MS, type Mirrored } from '../../store/cluster/mirror.js';
import { NatsApi } from '../../store/nats/api.js';
import { connectNats } from '../../store/nats/connect.js';
import { NatsRegistry } from '../../store/nats/registry.js';
import { runEngine } from '../../store/nats/run-engine.js';
import type { RunIdentity, RunRecord } from '../../store/cluster/run-record.js';
import { addRun } from './add-run.js';
import { auditReport, shortKey, type AuditReport } from './audit-report.js';
import { clusterCommand } from './command.js';
import { lacksResults, resultsLost } from './lost-results.js';
import type { ClusterOptions } from './options.js';
import type { Training } from '../execute.js';
import type { Output } from '../../store/store.js';
import type { PreparedData } from '../../node/prepare.js';

/** Audits are reported this often at most. */
const REPORT_MS = 2000;

/** For so long it is waited that the register notes the end of a run that was stopped. */
const NOTED_MS = 3000;

/** What is told to whoever follows, and how. */
export interface FollowCallbacks {
  readonly node: (event: NodeEvent) => void;
  readonly notice: (text: string) => void;
  readonly audits: (report: AuditReport) => void;
  /** Options with which `pff attach` follows it from this machine, besides those of the server. */
  readonly following: readonly string[];
  /** Chapters of which somebody who looks on wants the layers, and what is told of them. */
  readonly looks?: FollowerLooks | undefined;
}

/** Who looks on takes what is there: a layer that the run needs no more is gone from the server. */
export interface FollowerLooks {
  wants(task: Task): boolean;
  /** @param output of a task that `wants` names */
  see(task: Task, output: Output): Promise<void>;
}

/** A node whose clock is behind tells of times before the run began, which no log takes: its task is put at the run's beginning. */
export function sinceTheRun<S extends Pick<Span, 'start' | 'end'>>(spans: readonly S[]): readonly S[] {
  const early = spans.reduce((least, { start }) => Math.min(least, start), 0);
  return early < 0 ? spans.map((span) => ({ ...span, start: span.start - early, end: span.end - early })) : spans;
}

/** Submits (or finds) the run and follows it to its end; aborting the signal only ends the following. */
export function clusterTraining(
  cluster: ClusterOptions,
  record: RunRecord,
  prepared: PreparedData,
  signal: AbortSignal,
  callbacks: FollowCallbacks,
): Training {
  const { run } = record;
  const { notice, following } = callbacks;
  const command = (...words: readonly string[]): string => clusterCommand(cluster.server, ...words);
  const attach = command('attach', run, ...following);
  let isThere = cluster.record !== undefined;
  return {
    async run() {
      const connection = await connectNats(cluster.server, `pff train ${os.hostname()}:${process.pid}`, (text) =>
        notice(`waiting: ${text}`),
      );
      try {
        const api = new NatsApi(connection);
        const registry = new NatsRegistry(api);
        if (!cluster.record) {
          await registry.open(record.replicas);
          await registry.replicate(record.replicas).catch((error: unknown) => {
            // The run itself is safe; who lists runs may have to wait for a server.
            if (!(error instanceof EngineError)) throw error;
            notice(`the register of runs is kept by fewer than ${record.replicas} servers: ${error.message}`);
          });
          await addRun(registry, record, () => runEngine(api, registry, record).open(), { attach, signal });
          isThere = true;
          if (Object.keys(record.ownParts).length > 0)
            notice(`nodes need what run ${run} has of plugins: start them with pff node --plugin FILE`);
          notice(`submitted run ${run}; it goes on without this terminal (${attach} follows it again)`);
          cluster.onSubmitted?.();
        }
        const store = openStore({
          engine: runEngine(api, registry, record),
          record,
          name: `follower ${os.hostname()}:${process.pid}`,
          prepared,
          signal,
          say: notice,
        });
        try {
          await store.open();
          const follower = new Follower(store, record, prepared, callbacks, command);
          const states = await follower.states(signal, {
            removed: () => wasRemoved(registry, record),
            // A server that is away for a moment has not said so.
            finished: async () => (await registry.get(run).catch(() => undefined))?.record.state === 'finished',
          });
          await registry.markPatiently(record, 'finished', signal);
          return states;
        } catch (error) {
          // The nodes that found it may be gone before they could note it.
          if (error instanceof RunFailed) await registry.markPatiently(record, 'failed', signal);
          // Whether the word that stops a run or the loss of its streams comes first is a matter of milliseconds.
          if (error instanceof EngineError && error.kind === 'removed')
            throw new PffError('interrupted', error.message);
          throw error;
        } finally {
          await store.close();
        }
      } finally {
        await connection.close();
      }
    },
    newest: () => Promise.resolve({ chapters: 0, states: [] }),
    done: [],
    peakStoreBytes: () => 0,
    interruption: () => {
      const hint = `${attach} follows it; ${command('stop', run)} stops it.`;
      return isThere
        ? new PffError('interrupted', `detached from run ${run}, which goes on`, { hint })
        : new PffError('interrupted', `interrupted before it was known whether the server has run ${run}`, {
            hint: `If it has (${command('runs')}), ${hint}`,
          });
    },
  };
}

/** Whether a stopped run is gone from the server. Who stops it says so to the nodes first, and notes what became of it after that. */
async function wasRemoved(registry: NatsRegistry, { run, id }: RunIdentity): Promise<boolean> {
  for (const end = performance.now() + NOTED_MS; ; await systemClock.sleep(POLL_MS / 4)) {
    const found = await registry.get(run).catch(() => undefined);
    if (found && found.record.id !== id) return true;
    if ((found && found.record.state !== 'open') || performance.now() > end) return found?.record.state === 'removed';
  }
}

/** What the register says of the run by now. */
interface Registered {
  removed(): Promise<boolean>;
  finished(): Promise<boolean>;
}

class Follower {
  readonly #store: ClusterStore;
  readonly #record: RunRecord;
  readonly #prepared: PreparedData;
  readonly #node: (event: NodeEvent) => void;
  readonly #notice: (text: string) => void;
  readonly #audits: (report: AuditReport) => void;
  readonly #looks: FollowerLooks | undefined;
  #reported = { text: '', at: -Infinity };
  readonly #command: (...words: readonly string[]) => string;
  readonly #told = new Set<string>();
  readonly #present = new Map<number, string>();
  readonly #refused = new Set<string>();
  #alone = false;
  #waiting = false;

  constructor(
    store: ClusterStore,
    record: RunRecord,
    prepared: PreparedData,
    { node, notice, audits, looks }: FollowCallbacks,
    command: (...words: readonly string[]) => string,
  ) {
    this.#store = store;
    this.#record = record;
    this.#prepared = prepared;
    this.#node = node;
    this.#notice = notice;
    this.#audits = audits;
    this.#looks = looks;
    this.#command = command;
  }

  /** The result's states, as soon as all are published. @throws PffError if the run fails, is stopped or has lost its results */
  async states(signal: AbortSignal, registered: Registered): Promise<LayerState[]> {
    const { mirror } = this.#store;
    for (const mirrored of mirror.all()) this.#tell(mirrored);
    const unsubscribe = mirror.subscribe((mirrored) => mirrored && this.#tell(mirrored));
    try {
      for (;;) {
        this.#store.signal.throwIfAborted();
        const failed = this.#store.failure();
        if (failed) throw new RunFailed(failed.error);
        if (this.#store.stopped) throw this.#stopped(await registered.removed());
        if (lacksResults(this.#record, this.#store)) throw resultsLost(this.#record);
        if (mirror.settled && this.#store.wanted(false).finished) {
          this.#reportAudits();
          const states = await this.#fetchAll(signal, registered);
          if (states) return states;
        }
        this.#prefetch();
        this.#lookAtNodes();
        this.#lookAtAudits();
        this.#reportAudits(REPORT_MS);
        await systemClock.sleep(this.#finishing() ? 20 : POLL_MS / 4, signal);
      }
    } finally {
      unsubscribe();
    }
  }

  #stopped(removed: boolean): PffError {
    const { run } = this.#record;
    if (removed) return new PffError('interrupted', `run ${run} was removed from the server`);
    return new PffError('interrupted', `run ${run} was stopped`, {
      hint: `${this.#command('fetch', run)} gets the layers as they are.`,
    });
  }

  /** Results that are there already are fetched while the last layers are trained. */
  #prefetch(): void {
    for (const task of this.#results()) this.#store.prefetch(task);
  }

  #results(): Task[] {
    return results(this.#store.shape);
  }

  #finishing(): boolean {
    return this.#store.wanted(false).size <= 1;
  }

  async #fetchAll(signal: AbortSignal, registered: Registered): Promise<LayerState[] | undefined> {
    const { spec } = this.#record;
    const shapes = allStructures(networkStructure(spec, this.#prepared.layout));
    const states: LayerState[] = [];
    try {
      for (const [layer, task] of this.#results().entries()) {
        const { steps, buffer } = await this.#store.fetch(task, signal);
        states.push(viewState(shapes[layer] as LayerStructure, steps, buffer));
      }
      return states;
    } catch (error) {
      if (!(error instanceof MissingOutput)) throw error;
      if (await registered.finished()) throw resultsLost(this.#record, error);
      this.#notice(`${error.message}; waiting until it is computed again`);
      return undefined;
    }
  }

  #tell({ key, entry }: Mirrored): void {
    if (entry?.type === 'node') {
      const { number, record } = entry;
      if (record.progress && !record.left) this.#node({ type: 'progress', node: number, ...record.progress });
      return;
    }
    if (entry?.type === 'task' && entry.record.state === 'done') this.#look(entry.task, key);
    if (!entry || entry.type === 'task' || this.#told.has(key)) return;
    this.#told.add(key);
    if (entry.type === 'report')
      this.#node({ type: 'task-finished', ...entry.record, spans: sinceTheRun(entry.record.spans) } as NodeEvent);
    else if (entry.type === 'refused') this.#notice(`node ${entry.record.name} was refused: ${entry.record.text}`);
    else if (entry.type === 'conflict') this.#notice(`TWO NODES DISAGREE: ${entry.record.text}`);
  }

  /** Fetches a layer for those who look on, if it is still there. */
  #look(task: Task, key: string): void {
    const looks = this.#looks;
    if (!looks?.wants(task) || this.#told.has(key)) return;
    this.#told.add(key);
    void this.#show(looks, task);
  }

  async #show(looks: FollowerLooks, task: Task): Promise<void> {
    try {
      await looks.see(task, await this.#store.fetch(task, this.#store.signal));
    } catch {
      // Dropped, since no task needs it any more; or the run is over.
    }
    this.#store.dropping.forget();
  }

  #lookAtNodes(): void {
    const { mirror } = this.#store;
    if (!mirror.settled) return;
    const now = new Map<number, string>();
    for (const { number, record, age } of mirror.nodes())
      if (!record.left && age < this.#record.leaseMs) now.set(number, record.name);
    for (const [number, name] of now)
      if (this.#present.get(number) !== name) this.#notice(`node ${number + 1} is ${name}`);
    for (const [number, name] of this.#present)
      if (!now.has(number)) this.#notice(`node ${number + 1} (${name}) is gone`);
    this.#present.clear();
    for (const [number, name] of now) this.#present.set(number, name);
    if (now.size === 0 && !this.#waiting) this.#notice('no node is there; waiting for one (pff node --server …)');
    this.#waiting = now.size === 0;
  }

  /** Reports what came of audits, if that has changed. @param afterMs not before so long after the last report */
  #reportAudits(afterMs = 0): void {
    const now = performance.now();
    if (!this.#store.audits || now - this.#reported.at < afterMs) return;
    const report = auditReport(this.#store);
    const text = JSON.stringify(report);
    if (report && text !== this.#reported.text) this.#audits(report);
    // A long run has much to count: it takes a twentieth of the time at most.
    const end = performance.now();
    this.#reported = { text, at: end + Math.max(0, 20 * (end - now) - REPORT_MS) };
  }

  /** Who was refuted, and whether there is nobody to check what is done. */
  #lookAtAudits(): void {
    const { audits, mirror } = this.#store;
    if (!audits) return;
    for (const key of audits.book.refused) {
      if (this.#refused.has(key) || audits.book.distrusted.has(key)) continue;
      this.#refused.add(key);
      const nodes = mirror.nodes().filter(({ record }) => record.key === key);
      const numbers = nodes.map(({ number }) => `node ${number + 1}`).join(' and ') || 'it';
      this.#notice(
        `A RESULT WAS REFUTED: what node ${nodes.map(({ record }) => record.name).join(', ') || 'that is gone'} (key ${shortKey(key)}) ` +
          `did counts no more, and is done again; losses and times that ${numbers} told before stay in curves and the log, and may be wrong`,
      );
    }
    const there = mirror.nodes().filter(({ record, age }) => !record.left && age < this.#record.leaseMs);
    const others = new Set(there.filter(({ record }) => audits.isMember(record)).map(({ record }) => record.key));
    const auditors = this.#record.audit?.auditors;
    const missing = auditors ? !auditors.some((key) => others.has(key)) : others.size < 2;
    const alone = there.length > 0 && mirror.settled && missing && this.#store.wanted(false).audits().length > 0;
    if (alone && !this.#alone)
      this.#notice(
        auditors
          ? 'results wait to be checked, but no node with the key of an auditor is there'
          : 'results wait to be checked, but all nodes that are there have one key (pff node --key FILE gives another)',
      );
    this.#alone = alone;
  }
}
