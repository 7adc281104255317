/** Opens a server, or a run's store on it, for one piece of work, and closes it after that. */
import os from 'node:os';
import { PffError } from '../../errors.js';
import { openStore } from '../../node/cluster/open-store.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import type { RunRecord } from '../../store/cluster/run-record.js';
import { NatsApi } from '../../store/nats/api.js';
import { connectNats } from '../../store/nats/connect.js';
import { NatsRegistry } from '../../store/nats/registry.js';
import { runEngine } from '../../store/nats/run-engine.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import { nodeSigner } from './node-key.js';

/** For so long nothing may come of a run's records: long runs have very many, which come one by one. */
const LIMIT_MS = 60_000;

/** @throws PffError `cluster` if there is no such run */
export async function known(registry: NatsRegistry, run: string): Promise<RunRecord> {
  const found = await registry.get(run);
  if (!found || found.record.state === 'removed')
    throw new PffError('cluster', `the server has no run ${run}`, { hint: 'pff runs lists those it has.' });
  return found.record;
}

export async function withServer<T>(
  server: ServerOptions,
  work: (api: NatsApi, registry: NatsRegistry) => Promise<T>,
): Promise<T> {
  const connection = await connectNats(server, `pff ${os.hostname()}:${process.pid}`);
  try {
    const api = new NatsApi(connection);
    return await work(api, new NatsRegistry(api));
  } finally {
    await connection.close();
  }
}

interface WithRunOptions {
  /** Where this process signs something of an audited run: the file with its key. */
  readonly signing?: { readonly key: string | undefined } | undefined;
  readonly signal?: AbortSignal | undefined;
  /** After so long without an answer it has failed: a minute unless given. */
  readonly withinMs?: number | undefined;
  /** Told what is waited for. */
  readonly say?: ((line: string) => void) | undefined;
}

/** Opens a run's store for `work`, and closes it after it. @throws PffError `cluster` where it takes too long */
export async function withRun<T>(
  server: ServerOptions,
  run: string,
  work: (store: ClusterStore, record: RunRecord, registry: NatsRegistry) => Promise<T>,
  { signing, signal, withinMs = LIMIT_MS, say = () => {} }: WithRunOptions = {},
): Promise<T> {
  const limit = new AbortController();
  let opened: ClusterStore | undefined;
  let answers = 0;
  const look = (): void => {
    const now = opened?.mirror.answers ?? 0;
    if (now > answers) answers = now;
    else tooLong();
  };
  const tooLong = (): void =>
    limit.abort(
      new PffError('cluster', `what was asked of run ${run} was not done within ${withinMs / 1000} s`, {
        hint: 'The server answers, but perhaps not what keeps this run: look at its log, or at the other servers of a cluster.',
      }),
    );
  const timer = withinMs === Infinity ? undefined : setInterval(look, withinMs);
  try {
    return await withServer(server, async (api, registry) => {
      const record = await known(registry, run);
      const store = openStore({
        engine: runEngine(api, registry, record),
        record,
        name: 'observer',
        prepared: undefined,
        signal: signal ? AbortSignal.any([signal, limit.signal]) : limit.signal,
        say,
        signer: record.audit && signing ? nodeSigner(signing.key) : undefined,
      });
      opened = store;
      try {
        await store.open();
        return await work(store, record, registry);
      } finally {
        await store.close();
      }
    });
  } finally {
    clearInterval(timer);
  }
}
