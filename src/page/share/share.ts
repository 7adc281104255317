/** `shareRun`: lets browsers take part in a run of a cluster by a link, from this machine. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import os from 'node:os';
import { createSecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ServerType } from '@hono/node-server';
import { packedDataset } from '../../data/packed.js';
import { codeOf, messageOf, PffError } from '../../errors.js';
import { checkOptions } from '../../known-options.js';
import { misfitOfData } from '../../node/cluster/misfit.js';
import { openStore } from '../../node/cluster/open-store.js';
import { prepareData } from '../../node/prepare.js';
import { dataOfNode } from '../../run/cluster/examine.js';
import { nodeMemoryBound } from '../../run/memory.js';
import { PROGRAM } from '../../run/version.js';
import { systemClock } from '../../store/cluster/clock.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import { keys } from '../../store/cluster/records.js';
import type { RunRecord } from '../../store/cluster/run-record.js';
import { NatsApi } from '../../store/nats/api.js';
import { connectNats } from '../../store/nats/connect.js';
import { NatsRegistry } from '../../store/nats/registry.js';
import { runEngine } from '../../store/nats/run-engine.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import { isLoopback } from '../access.js';
import { closeServer, listen } from '../listen.js';
import { nodePageFiles } from '../document.js';
import { Guests } from './guests.js';
import { RelayServer } from './relay-server.js';
import { shareApp } from './share-app.js';
import type { SharedRun } from './shared-run.js';

/** Which run to share, and with whom. */
export interface ShareOptions {
  readonly server: ServerOptions;
  readonly run: string;
  /** 0 for any free one; 8379 or the next that is free by default. */
  readonly port?: number | undefined;
  /** Address to listen on; 127.0.0.1 by default. */
  readonly host?: string | undefined;
  /** Minutes for which the link lets browsers in; 60 by default. */
  readonly expires?: number | undefined;
  /** Browsers that the link lets in; 64 by default. */
  readonly browsers?: number | undefined;
  /** PEM files with a certificate and its key, for HTTPS. */
  readonly httpsCert?: string | undefined;
  readonly httpsKey?: string | undefined;
  /** Where browsers reach the page, such as `https://example.org`, if that is a proxy before it. */
  readonly publicUrl?: string | undefined;
  /** Where the run's dataset lies, as for a node. */
  readonly dataDir?: string | undefined;
  readonly data?: string | undefined;
  readonly say?: (line: string) => void;
}

/** A run that browsers can take part in. */
export interface SharedByLink {
  /** To open in a browser. The token is behind the `#`, which browsers send to no server. */
  readonly url: string;
  /** Resolves when the run is over. @throws PffError `cluster` if it cannot be followed any more */
  readonly ended: Promise<'finished' | 'failed' | 'stopped'>;
  close(): Promise<void>;
}

const FIRST_PORT = 8379;
/** How long guests have at the end of a run, and how often it is looked whether they are gone. */
const LAST_WORDS_MS = 5000;
const GONE_MS = 50;
/** How long it is waited for the word of a node that the results are right, where no node is there any more. */
const LAST_CHECK_MS = 10_000;

/** @throws PffError `cluster` where there is no such run or browsers cannot do it; as a node where its data is not here. */
export async function shareRun(options: ShareOptions): Promise<SharedByLink> {
  checkOptions('shareRun', options, {
    server: true,
    run: true,
    port: true,
    host: true,
    expires: true,
    browsers: true,
    httpsCert: true,
    httpsKey: true,
    publicUrl: true,
    dataDir: true,
    data: true,
    say: true,
  });
  const { run, port, host = '127.0.0.1', expires = 60, browsers = 64, say = () => {} } = options;
  const tls = certificate(options);
  const proxy = publicUrl(options);
  const files = nodePageFiles();
  const connection = await connectNats(options.server, `pff share ${os.hostname()}:${process.pid}`, (text) =>
    say(`waiting: ${text}`),
  );
  const closing = new AbortController();
  let store: ClusterStore | undefined;
  let server: ServerType | undefined;
  const close = async (): Promise<void> => {
    closing.abort(new PffError('interrupted', 'the run is not shared any more'));
    relay?.close('whoever shared the run has ended that');
    if (server) await new Promise<void>((resolve) => closeServer(server as ServerType, resolve));
    await store?.close();
    await connection.close();
  };
  let relay: RelayServer | undefined;
  try {
    const api = new NatsApi(connection);
    const registry = new NatsRegistry(api);
    const record = openRun(run, (await registry.get(run))?.record);
    const { shared, data } = await whatIsShared(record, options);
    const engine = runEngine(api, registry, record);
    const guests = new Guests({
      token: randomBytes(18).toString('base64url'),
      expiresMs: expires * 60_000,
      most: browsers,
    });
    const cookie = `pff-${randomBytes(6).toString('hex')}`;
    const hosts = isLoopback(host) ? { alsoHost: proxy?.hostname } : undefined;
    const app = shareApp({
      guests,
      shared: { ...shared, chunkBytes: engine.chunkBytes },
      cookie,
      secure: proxy ? proxy.protocol === 'https:' : tls !== undefined,
      hosts,
      leaves: (guest, tab) => relay?.leaves(guest, tab),
      files,
      data,
    });
    const listening = await listen(app, { port, host, first: FIRST_PORT, tls }).catch((error: unknown) => {
      throw new PffError('usage', `the page cannot be served at ${host}:${port ?? FIRST_PORT}: ${messageOf(error)}`, {
        hint: codeOf(error) === 'EADDRINUSE' ? 'Choose another --port.' : 'Choose another --host or --port.',
        cause: error,
      });
    });
    server = listening.server;
    relay = new RelayServer(server as Server, { engine, guests, cookie, hosts, say });
    // A guest's word that the data do not fit must not end the run for all: they do, or there would be no share of them.
    store = openStore({ engine, record, name: 'share', prepared: undefined, fits: true, signal: closing.signal, say });
    await store.open();
    const shown = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? ownAddress() : host;
    const ended = endOf({ store, record, registry, relay });
    // Whoever does not ask how it ends need not be told.
    ended.catch(() => {});
    const address = proxy?.origin ?? `${tls ? 'https' : 'http'}://${shown}:${listening.port}`;
    return { url: `${address}/#${guests.token}`, ended, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws PffError `cluster` */
function openRun(run: string, record: RunRecord | undefined): RunRecord {
  const refuse = (what: string, hint: string): never => {
    throw new PffError('cluster', what, { hint });
  };
  if (!record)
    return refuse(`there is no run ${run}`, 'pff runs lists them; pff train --server URL --run NAME submits one.');
  if (record.state !== 'open') return refuse(`run ${run} is ${record.state}`, 'pff runs lists the runs that go on.');
  if (record.version !== PROGRAM)
    return refuse(
      `run ${run} is of pff ${record.version}, but this is pff ${PROGRAM}`,
      'Share it with the build of pff that submitted it, or submit it again with this one.',
    );
  if (Object.keys(record.ownParts).length > 0)
    return refuse(
      `run ${run} has parts of a plugin, which browsers do not load`,
      'Use nodes with pff node --plugin FILE.',
    );
  if (record.spec.init !== '')
    return refuse(
      `run ${run} begins with a model, which browsers have not got`,
      'Use nodes with pff node --init MODEL.',
    );
  if (record.variant === 'federated' && record.dataset.inputs === undefined)
    return refuse(
      `run ${run} is on ${record.dataset.name}, but browsers read data of their own for federated runs`,
      'Submit it with --data FILE or FOLDER.',
    );
  return record;
}

/** What guests are told, and the data that they get. @throws PffError where it is not here */
async function whatIsShared(
  record: RunRecord,
  options: ShareOptions,
): Promise<{
  readonly shared: Omit<SharedRun, 'chunkBytes'>;
  readonly data: (zipped: boolean) => Promise<Uint8Array<ArrayBuffer>>;
}> {
  const { spec, variant, nodes, audit } = record;
  const shared = { record, host: os.hostname() };
  if (variant === 'federated') return { shared, data: () => Promise.resolve(new Uint8Array()) };
  const dataset = await dataOfNode(record, options);
  const misfit = misfitOfData(record, dataset);
  if (misfit !== undefined) throw new PffError('cluster', misfit);
  const memoryBytes = nodeMemoryBound(spec, { variant, nodes }, prepareData(dataset, spec), audit !== undefined).total;
  const plain = Buffer.concat(packedDataset(dataset));
  let zipped: Promise<Uint8Array<ArrayBuffer>> | undefined;
  return {
    shared: { ...shared, dataBytes: plain.length, memoryBytes },
    data: (asked) => (asked ? (zipped ??= promisify(gzip)(plain, { level: 1 })) : Promise.resolve(plain)),
  };
}

/** Follows the run to its end, and notes that in the register: the nodes may all be browsers, which cannot. */
async function endOf({
  store,
  record,
  registry,
  relay,
}: {
  readonly store: ClusterStore;
  readonly record: RunRecord;
  readonly registry: NatsRegistry;
  readonly relay: RelayServer;
}): Promise<'finished' | 'failed' | 'stopped'> {
  const { signal } = store;
  /** When all results were there. The last node checks them before it says so; it may go before that. */
  let complete: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    const all = store.mirror.settled && store.wanted(false).finished;
    complete = all ? (complete ?? performance.now()) : undefined;
    const nobody =
      complete !== undefined && performance.now() - complete > LAST_CHECK_MS && !isSomebodyThere(store, record);
    const end = store.stopped
      ? 'stopped'
      : store.failure()
        ? 'failed'
        : all && (store.mirror.get(keys.finished)?.entry || nobody)
          ? 'finished'
          : undefined;
    if (end) {
      await registry.markPatiently(record, end, signal);
      await guestsGone(relay, signal);
      return end;
    }
    await changeOf(store);
  }
}

function isSomebodyThere({ mirror }: ClusterStore, { leaseMs }: RunRecord): boolean {
  return mirror.nodes().some(({ record, age }) => !record.left && age < leaseMs);
}

/** They see the end of the run themselves, and go. */
async function guestsGone(relay: RelayServer, signal: AbortSignal): Promise<void> {
  for (let waited = 0; relay.count > 0 && waited < LAST_WORDS_MS; waited += GONE_MS)
    await systemClock.sleep(GONE_MS, signal);
}

function changeOf(store: ClusterStore): Promise<void> {
  const woken = new AbortController();
  const unsubscribe = store.mirror.subscribe(() => woken.abort());
  return systemClock.sleep(1000, AbortSignal.any([woken.signal, store.signal])).finally(unsubscribe);
}

/** @throws PffError `usage` for what is no address of a server */
function publicUrl({ publicUrl: asked }: ShareOptions): URL | undefined {
  if (asked === undefined) return undefined;
  const url = URL.canParse(asked) ? new URL(asked) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '' && url.hash === '') return url;
  throw new PffError('usage', `the public address is ${asked}, but must be that of a server`, {
    hint: 'Give it as https://example.org or http://example.org:8000, without a path.',
  });
}

/** @throws PffError `usage`, `files` */
function certificate({
  httpsCert,
  httpsKey,
}: ShareOptions): { readonly cert: string; readonly key: string } | undefined {
  if (httpsCert === undefined && httpsKey === undefined) return undefined;
  if (httpsCert === undefined || httpsKey === undefined)
    throw new PffError('usage', 'HTTPS takes a certificate and its key', {
      hint: 'Give --https-cert and --https-key.',
    });
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new PffError('files', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
    }
  };
  const both = { cert: read(httpsCert), key: read(httpsKey) };
  try {
    createSecureContext(both);
  } catch (error) {
    throw new PffError('files', `${httpsCert} and ${httpsKey} are no certificate with its key: ${messageOf(error)}`, {
      hint: 'Both are PEM files; the certificate comes first in its file, those of its issuers after it.',
      cause: error,
    });
  }
  return both;
}

/** An address by which others on the local network reach this machine. */
function ownAddress(): string {
  const all = Object.values(os.networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
