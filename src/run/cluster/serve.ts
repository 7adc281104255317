/** `pff node`: connects to a server and works on its runs, one after the other. */
import os from 'node:os';
import { PffError } from '../../errors.js';
import { checkOptions } from '../../known-options.js';
import { usableCores } from '../cores.js';
import { placeText, type Place } from '../../data/sources/own/place.js';
import { isKernelsChoice, type KernelsChoice } from '../../kernels/choices.js';
import { systemClock } from '../../store/cluster/clock.js';
import { waitingNotice } from '../../store/cluster/waiting-notice.js';
import { NatsApi } from '../../store/nats/api.js';
import { connectNats } from '../../store/nats/connect.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import { NatsRegistry } from '../../store/nats/registry.js';
import { patiently } from '../../store/cluster/patience.js';
import type { RunRecord } from '../../store/cluster/run-record.js';
import { checkShare } from '../options.js';
import { joinRun } from './join.js';
import { RunQueue } from './run-queue.js';

/** Which server a node works for, and with what. */
export interface NodeOptions {
  readonly server: ServerOptions;
  /** Work on this run only, and end with it. */
  readonly run?: string | undefined;
  /** Bytes of memory that a run may take here; all there is unless given. */
  readonly maxMemory?: number | undefined;
  /** Seconds that one task may take here; a run with longer ones is refused, or left. */
  readonly maxTaskSeconds?: number | undefined;
  /** The share of tasks, 0 to 1, that this node does twice and compares; none unless given. */
  readonly repeat?: number | undefined;
  /** The most that a layer's state may move between two that this node sees, in norms of the earlier one; without bound unless given. */
  readonly maxUpdate?: number | undefined;
  /** Names of the datasets whose runs this node works on; all unless given. */
  readonly datasets?: readonly string[] | undefined;
  /** End after the first run that this node can do. */
  readonly once?: boolean | undefined;
  readonly kernels?: KernelsChoice | undefined;
  /** Threads of the kernels; by default all cores. */
  readonly threads?: number | undefined;
  readonly dataDir?: string | undefined;
  /** The model that runs begin with which say so: a run folder or a safetensors file. */
  readonly init?: string | undefined;
  /** File with this node's key, for runs whose results are audited; made if there is none. */
  readonly key?: string | undefined;
  /** A file or folder of one's own, or a place of several files, for runs on such; it must be the one that the run was submitted with. */
  readonly data?: string | Place | undefined;
  /** Federated: take this slot (from 0) and no other. */
  readonly slot?: number | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

const LOOK_FOR_RUNS_MS = 500;

/**
 * Serves until the signal aborts, or the asked run is over. A run that fails, or that this node cannot do, is left alone.
 * @throws PffError `cluster` where the node does not fit the run it was asked for, or the server refuses it; where it was
 * asked for one run, what that failed of.
 */
export async function serveNode(options: NodeOptions): Promise<void> {
  checkOptions('serveNode', options, {
    server: true,
    run: true,
    maxMemory: true,
    maxTaskSeconds: true,
    repeat: true,
    maxUpdate: true,
    datasets: true,
    once: true,
    kernels: true,
    threads: true,
    dataDir: true,
    init: true,
    key: true,
    data: true,
    slot: true,
    signal: true,
    say: true,
  });
  const { signal, say, run } = options;
  checkShare('repeat', options.repeat);
  if (options.maxUpdate !== undefined && !(options.maxUpdate > 0))
    throw new PffError('usage', `maxUpdate must be above 0, but is ${options.maxUpdate}`);
  const kernels = options.kernels ?? 'auto';
  if (!isKernelsChoice(kernels)) throw new PffError('usage', `unknown kernels ${String(options.kernels)}`);
  const connection = await connectNats(options.server, `pff node ${os.hostname()}:${process.pid}`, (text) =>
    say(`waiting: ${text}`),
  );
  const api = new NatsApi(connection);
  const registry = new NatsRegistry(api);
  const queue = new RunQueue(registry);
  const patience = { clock: systemClock, signal, onTrouble: waitingNotice(say), reopen: () => Promise.resolve() };
  say(`connected to ${connection.getServer()}; ${run === undefined ? 'looking for runs' : `looking for run ${run}`}`);
  try {
    while (!signal.aborted) {
      const record = await patiently(patience, () => (run === undefined ? queue.next() : askedRun(registry, run)));
      if (!record) {
        await systemClock.sleep(LOOK_FOR_RUNS_MS, signal);
        continue;
      }
      const threads = options.threads ?? usableCores();
      const joined = await joinRun(api, registry, record, {
        ...options,
        data:
          options.data === undefined
            ? undefined
            : placeText(typeof options.data === 'string' ? { data: options.data } : options.data),
        kernels,
        threads,
        patienceMs: queue.patienceMs(record),
        standbyMs: queue.standbyMs(record),
        hasOthers: run === undefined ? () => queue.hasOthers(record) : undefined,
      });
      if (joined.end === 'idle') queue.later(record);
      else queue.done(record);
      // Asked for one run, or for the first that it can do: what came of that is what came of all.
      const asked = run !== undefined || (options.once && joined.end !== 'refused' && joined.end !== 'idle');
      if (!asked) continue;
      if (joined.end === 'failed') throw new PffError('training', `run ${record.run} failed: ${joined.why}`);
      if (joined.end === 'refused')
        throw new PffError('cluster', `this node does not fit run ${run}: ${joined.why}`, {
          hint: 'pff status says so, too.',
        });
      return;
    }
  } finally {
    await connection.close();
  }
}

async function askedRun(registry: NatsRegistry, run: string): Promise<RunRecord | undefined> {
  const found = await registry.get(run);
  if (found && found.record.state !== 'open')
    throw new PffError('cluster', `run ${run} is ${found.record.state}`, {
      hint: 'pff runs lists the runs that go on.',
    });
  return found?.record;
}
