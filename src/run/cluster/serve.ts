/** `pff node`: connects to a server and works on its runs, one after the other. */
import os from 'node:os';
import { PffError } from '../../errors.js';
import { usableCores } from '../cores.js';
import { kernelsChoices, type KernelsChoice } from '../../kernels/open.js';
import { systemClock } from '../../store/cluster/clock.js';
import { EngineError } from '../../store/cluster/engine.js';
import { NatsApi } from '../../store/nats/api.js';
import { connectNats, type ServerOptions } from '../../store/nats/connect.js';
import { NatsRegistry } from '../../store/nats/registry.js';
import { patiently } from '../../store/cluster/patience.js';
import type { RunRecord } from '../../store/cluster/run-record.js';
import { joinRun } from './join.js';

export interface NodeOptions {
  readonly server: ServerOptions;
  /** Work on this run only, and end with it. */
  readonly run?: string | undefined;
  /** End after one run. */
  readonly once?: boolean | undefined;
  readonly kernels?: KernelsChoice | undefined;
  /** Threads of the kernels; by default all cores. */
  readonly threads?: number | undefined;
  readonly dataDir?: string | undefined;
  /** Federated: take this slot (from 0) and no other. */
  readonly slot?: number | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

const LOOK_FOR_RUNS_MS = 500;

/**
 * Serves until the signal aborts, or the asked run is over.
 * @throws PffError `cluster` where the node does not fit the run it was asked for, or the server refuses it.
 */
export async function serveNode(options: NodeOptions): Promise<void> {
  const { signal, say, run } = options;
  const kernels = options.kernels ?? 'auto';
  if (!kernelsChoices.includes(kernels)) throw new PffError('usage', `unknown kernels ${kernels}`);
  const connection = await connectNats(options.server, `pff node ${os.hostname()}:${process.pid}`, (text) =>
    say(`waiting: ${text}`),
  );
  const api = new NatsApi(connection);
  const registry = new NatsRegistry(api);
  const refused = new Set<string>();
  const patience = { clock: systemClock, signal, reopen: () => Promise.resolve() };
  say(`connected to ${connection.getServer()}; ${run === undefined ? 'looking for runs' : `looking for run ${run}`}`);
  try {
    while (!signal.aborted) {
      const record = await patiently(patience, () => nextRun(registry, run, refused));
      if (!record) {
        await systemClock.sleep(LOOK_FOR_RUNS_MS, signal);
        continue;
      }
      const threads = options.threads ?? usableCores();
      const end = await joinAndBear(api, registry, record, { ...options, kernels, threads });
      refused.add(record.run);
      if (end === 'refused' && run !== undefined)
        throw new PffError('cluster', `this node does not fit run ${run}`, { hint: 'The line above says why.' });
      if (run !== undefined || options.once) return;
    }
  } finally {
    await connection.close();
  }
}

async function joinAndBear(...args: Parameters<typeof joinRun>): Promise<Awaited<ReturnType<typeof joinRun>>> {
  try {
    return await joinRun(...args);
  } catch (error) {
    // Somebody removed the run while this node worked on it: no failure of the node.
    if (error instanceof EngineError && error.kind === 'removed') return 'stopped';
    const [, registry, record] = args;
    if (error instanceof PffError && error.code === 'training') await registry.mark(record.run, 'failed');
    throw error;
  }
}

async function nextRun(
  registry: NatsRegistry,
  run: string | undefined,
  refused: ReadonlySet<string>,
): Promise<RunRecord | undefined> {
  if (run === undefined)
    return (await registry.list()).find(({ record }) => record.state === 'open' && !refused.has(record.run))?.record;
  const found = await registry.get(run);
  if (found && found.record.state !== 'open')
    throw new PffError('cluster', `run ${run} is ${found.record.state}`, {
      hint: 'pff runs lists the runs that go on.',
    });
  return found?.record;
}
