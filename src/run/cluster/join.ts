/** Takes part in one run as a node, to the run's end: checks that it fits, then computes in a worker thread. */
import os from 'node:os';
import { PffError } from '../../errors.js';
import type { RunEnd } from '../../node/cluster/cluster-node.js';
import { openStore } from '../../node/cluster/open-store.js';
import { RunFailed } from '../../node/cluster/run-failed.js';
import { takePart } from '../../node/cluster/take-part.js';
import { despiteGpuFailures } from '../../node/despite-gpu-failures.js';
import { WorkerExecutor } from '../../node/threads/worker-executor.js';
import { systemClock } from '../../store/cluster/clock.js';
import { ClusterStore } from '../../store/cluster/cluster-store.js';
import type { NatsApi } from '../../store/nats/api.js';
import type { NatsRegistry } from '../../store/nats/registry.js';
import { runEngine } from '../../store/nats/run-engine.js';
import { EngineError } from '../../store/cluster/engine.js';
import { POLL_MS } from '../../store/cluster/mirror.js';
import { plainText } from '../../store/cluster/plain-text.js';
import { failureRecord, keys, type NoteRecord } from '../../store/cluster/records.js';
import type { RunRecord } from '../../store/cluster/run-record.js';
import { examine, wordsOf, type Means } from './examine.js';
import { withinSeconds } from './node-bounds.js';
import { nodeSigner } from './node-key.js';
import type { Signer } from '../../audit/identity.js';

export interface JoinOptions extends Means {
  readonly threads: number;
  /** Federated: take this slot (from 0) and no other. */
  readonly slot?: number | undefined;
  /** The share of tasks that this node does twice and compares. */
  readonly repeat?: number | undefined;
  /** The most that a layer's state may move between two that this node sees. */
  readonly maxUpdate?: number | undefined;
  /** File with this node's key, for runs whose results are audited. */
  readonly key?: string | undefined;
  /** Leave the run, and end: what is under way is given back to the others. */
  readonly signal: AbortSignal;
  /** Leave a run in which nothing goes on for so long, if there are others. */
  readonly patienceMs: number;
  /** The same of a run that others work on, all of whose slots have nodes. */
  readonly standbyMs: number;
  /** Whether there are other runs that this node could work on; absent where it serves this one only. */
  readonly hasOthers?: (() => Promise<boolean>) | undefined;
  /** One line for the person who watches the node. */
  readonly say: (line: string) => void;
}

/** How a node's part in a run ended: `failed` for everybody, `refused` by this node alone, `idle`: left for the time being. */
export type JoinEnd = { readonly end: RunEnd } | { readonly end: 'refused' | 'failed'; readonly why: string };

/** A run whose server or streams have not answered for so long is left, where there are others. */
const SILENT_MS = 15_000;

/** A node that is told to end has so long to give its task back and to say that it leaves. */
const LEAVE_MS = 2500;

/** Takes part to the end of it. @throws what is no matter of this run: the signal's reason, a closed connection, a defect. */
export async function joinRun(
  api: NatsApi,
  registry: NatsRegistry,
  record: RunRecord,
  options: JoinOptions,
): Promise<JoinEnd> {
  const { run } = record;
  const { signal, say } = options;
  const name = plainText(`${os.hostname()}:${process.pid}`, 200);
  const examined = await examine(record, options);
  const prepared = 'prepared' in examined ? examined.prepared : undefined;
  const leaving = new AbortController();
  const ending = new Ending(signal);
  const signing = signingOf(record, options);
  const signer = 'refusal' in signing ? undefined : signing.signer;
  const store = openStore({
    engine: runEngine(api, registry, record),
    record,
    name,
    prepared,
    signal: AbortSignal.any([ending.signal, leaving.signal]),
    say,
    signer,
  });
  const stopped = new AbortController();
  leaveIfStuck(store, leaving, options, stopped.signal).catch(() => {});
  const note = { v: 1, by: store.id, name } as const;
  try {
    if (!(await answers(store, options))) return { end: 'idle' };
    if ('failure' in examined) {
      const failure = failureRecord(store.id, name, examined.failure);
      await store.fail(failure);
      throw new RunFailed((store.failure() ?? failure).error);
    }
    if ('refusal' in examined) throw new PffError('cluster', examined.refusal);
    if ('refusal' in signing) throw signing.refusal;
    say(`joined run ${run}: ${record.variant} on ${record.nodes} slots, ${record.spec.splits} chapters, as ${name}`);
    if (signer) say(`results are checked by other nodes; the key of this one is ${signer.key}`);
    const { patienceMs, standbyMs, hasOthers, kernels, threads, slot } = options;
    ending.hasPart = true;
    const end = await takePart({
      store,
      record,
      prepared: examined.prepared,
      initial: examined.initial?.states.map(({ buffer }) => buffer),
      name,
      slot,
      repeat: options.repeat,
      maxUpdate: options.maxUpdate,
      say,
      openExecutor: (setting) => {
        const executor = despiteGpuFailures(
          kernels,
          (choice) => new WorkerExecutor({ ...setting, kernels: choice, threads }),
          say,
        );
        const bounded = withinSeconds(executor, options.maxTaskSeconds);
        return {
          run: (task) => bounded.run(task),
          reset: () => bounded.reset(),
          close: () => executor.close(),
        };
      },
      leaves: async (ms, standsBy) => ms >= (standsBy ? standbyMs : patienceMs) && Boolean(await hasOthers?.()),
      leave: signal,
    });
    if (end === 'idle' && signal.aborted) {
      say(`left run ${run}`);
      throw signal.reason;
    }
    if (end !== 'idle') await registry.markPatiently(record, end, signal);
    const idle = options.hasOthers ? 'looking for another' : 'leaving it';
    say(end === 'idle' ? `nothing goes on in run ${run}; ${idle}` : `run ${run} is ${end}`);
    return { end };
  } catch (error) {
    // What ends the node itself.
    if (signal.aborted || api.connection.isClosed()) throw error;
    if (leaving.signal.aborted) {
      say(`nothing goes on in run ${run}, which the server refuses; looking for another`);
      return { end: 'idle' };
    }
    // Somebody removed the run while this node worked on it: nobody's failure.
    if (error instanceof EngineError && error.kind === 'removed') {
      say(error.message);
      return { end: 'stopped' };
    }
    const why = wordsOf(error);
    if (error instanceof RunFailed) {
      await registry.markPatiently(record, 'failed', signal);
      say(`run ${run} failed: ${why}`);
      return { end: 'failed', why };
    }
    // It comes back to none that it refused, for nothing here changes by itself; one that was asked for this run alone ends anyway.
    const again = ` To work on run ${run}, mend that, then start this node again`;
    say(`refused: ${why}${/[.!?]$/.test(why) ? '' : '.'}${options.hasOthers ? again : ''}`);
    const told = 'refusal' in examined ? (examined.told ?? why) : why;
    await tellRefusal(store, { ...note, text: told }, options);
    return { end: 'refused', why };
  } finally {
    stopped.abort();
    ending.close();
    await store.close();
  }
}

/** The key that this node's results are signed with, where they are audited; or why it has none, which keeps it out of this run alone. */
function signingOf(
  { audit }: RunRecord,
  { key }: JoinOptions,
): { readonly signer: Signer | undefined } | { readonly refusal: PffError } {
  try {
    return { signer: audit && nodeSigner(key) };
  } catch (error) {
    if (error instanceof PffError) return { refusal: error };
    throw error;
  }
}

/** Ends a store when the node's user wants to leave: at once, unless the node has a part in the run, which it has to give back first. */
class Ending {
  hasPart = false;
  readonly #leave: AbortSignal;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  readonly #onLeave = (): void => {
    const end = (): void => this.#controller.abort(this.#leave.reason);
    if (this.hasPart) this.#timer = setTimeout(end, LEAVE_MS);
    else end();
  };

  constructor(leave: AbortSignal) {
    this.#leave = leave;
    if (leave.aborted) this.#onLeave();
    else leave.addEventListener('abort', this.#onLeave, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#leave.removeEventListener('abort', this.#onLeave);
  }
}

/** Leaves a run of which the server refuses something again and again, such as for want of room, if there are others. */
async function leaveIfStuck(
  store: ClusterStore,
  leaving: AbortController,
  { patienceMs, hasOthers }: JoinOptions,
  stopped: AbortSignal,
): Promise<void> {
  if (!hasOthers) return;
  while (!stopped.aborted && !leaving.signal.aborted) {
    await systemClock.sleep(POLL_MS, stopped);
    if (!stopped.aborted && store.stuckMs >= patienceMs && (await hasOthers())) leaving.abort(new Error('left'));
  }
}

/** Opens the store. False if nothing of the run answers, and the node has others to go to. */
async function answers(store: ClusterStore, options: JoinOptions): Promise<boolean> {
  let [seen, since] = [-1, 0];
  const opened = new AbortController();
  const opening = store.open().finally(() => opened.abort());
  opening.catch(() => {});
  for (;;) {
    await systemClock.sleep(POLL_MS, opened.signal);
    if (opened.signal.aborted) {
      await opening;
      return true;
    }
    const now = performance.now();
    if (seen !== store.mirror.answers) [seen, since] = [store.mirror.answers, now];
    else if (now - since >= SILENT_MS && (await options.hasOthers?.())) return false;
  }
}

/** Tells everybody why this node does not take part, if it can be told: what keeps a node out may keep it silent, too. */
async function tellRefusal(store: ClusterStore, note: NoteRecord, { signal }: JoinOptions): Promise<void> {
  const enough = AbortSignal.timeout(SILENT_MS);
  const told = store.records.tell(keys.refused(store.id), note).catch(() => {});
  await Promise.race([
    told,
    new Promise((resolve) => AbortSignal.any([enough, signal]).addEventListener('abort', resolve, { once: true })),
  ]);
}
