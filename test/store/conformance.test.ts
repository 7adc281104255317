/** What every store promises, run on each one. */
import { MessageChannel } from 'node:worker_threads';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GraphShape } from '../../src/schedule/shape.js';
import { labelsTask, taskKey, trainTask } from '../../src/schedule/tasks.js';
import { systemClock } from '../../src/store/cluster/clock.js';
import { ClusterStore } from '../../src/store/cluster/cluster-store.js';
import type { Engine } from '../../src/store/cluster/engine.js';
import { KeptStore, openOwnStore, type OwnStore } from '../../src/store/own-store.js';
import { MemoryStore } from '../../src/store/memory.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { NatsApi } from '../../src/store/nats/api.js';
import { connectNats } from '../../src/store/nats/connect.js';
import { NatsEngine } from '../../src/store/nats/engine.js';
import { PortStore, serveStore } from '../../src/store/port.js';
import { Relay } from '../../src/store/relay/relay.js';
import { RelayEngine } from '../../src/store/relay/relay-engine.js';
import type { Output, Store } from '../../src/store/store.js';
import { TestServer } from '../cluster/server.js';

const shape: GraphShape = { layers: 2, head: false, splits: 3, predictedLabels: 'none', labelLag: 1 };

function output(byte: number): Output {
  const buffer = new SharedArrayBuffer(8);
  new Uint8Array(buffer).fill(byte);
  return { steps: byte, buffer };
}

const first = ({ buffer }: Output): number | undefined => new Uint8Array(buffer)[0];

/** What a user might write: bytes by name. */
function mapStore(kept = new Map<string, Uint8Array>()): OwnStore {
  return {
    put: (key, bytes) => Promise.resolve(void kept.set(key, bytes)),
    get: (key) => Promise.resolve(kept.get(key)),
    delete: (key) => Promise.resolve(void kept.delete(key)),
  };
}

async function keptStore(own: OwnStore = mapStore()): Promise<KeptStore> {
  return new KeptStore(shape, await openOwnStore(own, { spec: resolveSpec({}), folder: undefined }));
}

interface Opened {
  readonly store: Store;
  /** It gives copies of what was published. */
  readonly copies?: true;
  close(): void | Promise<void>;
}

/** One server for all tests; each store has a run of its own. */
let server: TestServer | undefined;
let connection: NatsConnection | undefined;
let runs = 0;
afterAll(async () => {
  await connection?.close();
  await server?.close();
});

async function natsEngine(): Promise<NatsEngine> {
  server ??= await TestServer.start();
  connection ??= await connectNats({ server: server.url }, 'test');
  const api = new NatsApi(connection);
  const storage = { storage: 'memory', replicas: 1, maxBytes: 0 } as const;
  const engine = new NatsEngine(api, { run: `conformance-${runs++}` }, storage, () => Promise.resolve());
  await engine.open();
  return engine;
}

async function clusterStore(engine: Engine, end = (): void => {}): Promise<Opened> {
  const store = new ClusterStore({
    engine,
    shape,
    id: 'me',
    name: 'me',
    clock: systemClock,
    signal: new AbortController().signal,
    nodes: 1,
    expected: () => ({ bytes: 8 }),
  });
  await store.open();
  return { store, close: () => store.close().finally(end) };
}

/** A browser's node: its engine over a socket, here one without a network, and the relay's on the other side. */
async function relayStore(): Promise<Opened> {
  const there = await natsEngine();
  class Socket extends EventTarget {
    static readonly OPEN = 1;
    readonly readyState = Socket.OPEN;

    constructor() {
      super();
      queueMicrotask(() => this.dispatchEvent(new Event('open')));
    }

    readonly #relay = new Relay({
      engine: there,
      send: ({ buffer }) => this.dispatchEvent(new MessageEvent('message', { data: buffer })),
    });

    send(frame: Uint8Array): void {
      void this.#relay.received(frame);
    }

    close(): void {
      void this.#relay.close(false);
    }
  }
  vi.stubGlobal('WebSocket', Socket);
  const engine = new RelayEngine({ url: 'ws://relay', chunkBytes: there.chunkBytes });
  return clusterStore(engine, () => {
    engine.close();
    vi.unstubAllGlobals();
  });
}

const stores: Record<string, () => Opened | Promise<Opened>> = {
  'NATS JetStream': async () => clusterStore(await natsEngine()),
  'the relay of a shared run': relayStore,
  memory: () => ({ store: new MemoryStore(shape), close: () => {} }),
  'one of one’s own': async () => ({ store: await keptStore(), copies: true, close: () => {} }),
  'memory through a message port': () => throughPort(new MemoryStore(shape)),
  'one of one’s own through a message port': async () => ({ ...throughPort(await keptStore()), copies: true }),
};

function throughPort(store: Store): Opened {
  const { port1, port2 } = new MessageChannel();
  const stop = new AbortController();
  serveStore(port1, store, stop.signal);
  return {
    store: new PortStore(port2),
    close: () => {
      stop.abort(new Error('closed'));
      port1.close();
      port2.close();
    },
  };
}

describe.each(Object.entries(stores))('a store: %s', (_, open) => {
  let opened: Opened;
  let store: Store;
  const signal = new AbortController().signal;
  beforeEach(async () => {
    opened = await open();
    store = opened.store;
  });
  afterEach(() => opened.close());

  it('gives what was published, without a copy unless it must be fetched from elsewhere', async () => {
    const task = trainTask(0, 0);
    expect(await store.isPublished(task)).toBe(false);
    const given = output(7);
    await store.publish(task, given);
    expect(await store.isPublished(task)).toBe(true);
    const fetched = await store.fetch(task, signal);
    expect([fetched.steps, first(fetched)]).toEqual([7, 7]);
    new Uint8Array(given.buffer)[0] = 9;
    expect(first(fetched)).toBe(opened.copies ? 7 : 9);
  });

  it('makes whoever fetches wait until it is published', async () => {
    const order: string[] = [];
    const fetching = store.fetch(trainTask(1, 1), signal).then((got) => order.push(`fetched ${got.steps}`));
    const waiting = store.published(trainTask(1, 1), signal).then(() => order.push('told'));
    await store.publish(trainTask(0, 0), output(1));
    order.push('published another');
    await store.publish(trainTask(1, 1), output(2));
    await Promise.all([fetching, waiting]);
    expect(order[0]).toBe('published another');
    expect(order.toSorted()).toEqual(['fetched 2', 'published another', 'told']);
  });

  it('takes a second publication of the same task without a change', async () => {
    await store.publish(trainTask(0, 0), output(1));
    await store.publish(trainTask(0, 0), output(1));
    expect(first(await store.fetch(trainTask(0, 0), signal))).toBe(1);
  });

  it('stops waiting when the signal aborts, before or while', async () => {
    const controller = new AbortController();
    const waiting = store.fetch(trainTask(0, 1), controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(store.published(trainTask(0, 1), controller.signal)).rejects.toThrow('enough');
    await store.publish(trainTask(0, 1), output(3));
    expect(first(await store.fetch(trainTask(0, 1), signal))).toBe(3);
  });

  it('says so where an output was dropped because nobody needs it any more', async () => {
    for (const task of [trainTask(0, 0), trainTask(0, 1), trainTask(1, 0)]) await store.publish(task, output(1));
    expect(await store.isPublished(trainTask(0, 0))).toBe(true);
    // A store may publish in the background; once that is done, the output is gone for good.
    await vi.waitFor(
      () => expect(store.fetch(trainTask(0, 0), signal)).rejects.toThrow(/c0\.l0 is needed by nobody any more/),
      { timeout: 10_000 },
    );
    await expect(store.fetch(trainTask(0, 0), signal)).rejects.toThrow(/c0\.l0 is needed by nobody any more/);
  });
});

describe('the memory store', () => {
  it('keeps no more than is still needed, and has the result at the end', async () => {
    const graph: GraphShape = { ...shape, predictedLabels: 'first-layer', splits: 5 };
    const store = new MemoryStore(graph);
    await expect(store.result()).rejects.toThrow(/the run is not finished: c4\.l0/);
    for (let chapter = 0; chapter < 5; chapter++) {
      if (chapter > 0) await store.publish(labelsTask(chapter), output(chapter));
      await store.publish(trainTask(chapter, 0), output(chapter));
      await store.publish(trainTask(chapter, 1), output(chapter));
      // At most this chapter's two states.
      expect(store.keptBytes).toBeLessThanOrEqual(2 * 8);
    }
    expect((await store.result()).map(({ steps }) => steps)).toEqual([4, 4]);
    expect(store.peakBytes).toBe(4 * 8);
    expect((await store.newest()).map(({ task }) => taskKey(task))).toEqual(['c4.l0', 'c4.l1']);
  });
});

describe('a store of one’s own', () => {
  const signal = new AbortController().signal;

  it('holds what is still needed and nothing else, whoever publishes twice', async () => {
    const kept = new Map<string, Uint8Array>();
    const puts: string[] = [];
    const slow = async (key: string, bytes: Uint8Array): Promise<void> => {
      puts.push(key);
      await new Promise((resolve) => setTimeout(resolve, 5));
      kept.set(key, bytes);
    };
    const store = await keptStore({ ...mapStore(kept), put: slow });
    for (let chapter = 0; chapter < shape.splits; chapter++)
      for (let layer = 0; layer < shape.layers; layer++) {
        const task = trainTask(chapter, layer);
        await Promise.all([store.publish(task, output(chapter)), store.publish(task, output(chapter))]);
        await store.publish(task, output(chapter));
        expect(kept.size).toBeLessThanOrEqual(2);
      }
    expect(puts).toEqual(['c0.l0', 'c0.l1', 'c1.l0', 'c1.l1', 'c2.l0', 'c2.l1']);
    expect([...kept.keys()]).toEqual(['c2.l0', 'c2.l1']);
    expect((await store.result()).map(({ steps }) => steps)).toEqual([2, 2]);
  });

  it('that goes on from a checkpoint is given what is still needed, and no more', async () => {
    // The process before was killed before it came to deleting.
    const kept = new Map<string, Uint8Array>([['c0.l0', Uint8Array.of(1)]]);
    const store = await keptStore(mapStore(kept));
    const published = [trainTask(0, 0), trainTask(0, 1), trainTask(1, 0)];
    await store.restore(published, new Map(published.map((task, i) => [taskKey(task), output(i)])));
    expect([...kept.keys()]).toEqual(['c0.l1', 'c1.l0']);
    expect((await store.fetch(trainTask(0, 1), signal)).steps).toBe(1);
    expect((await store.newest()).map(({ task }) => taskKey(task))).toEqual(['c1.l0', 'c0.l1']);
  });

  it.each<[string, Partial<OwnStore>, RegExp]>([
    ['loses bytes', { get: () => Promise.resolve(undefined) }, /the store of your own has no bytes of c0\.l0/],
    [
      'gives other bytes',
      { get: () => Promise.resolve(new Uint8Array(8).fill(6)) },
      /the store of your own gave other bytes for c0\.l0 than were put/,
    ],
    [
      'fails',
      { get: () => Promise.reject(new Error('the line is cut')) },
      /store of your own: get c0\.l0 failed: the line is cut/,
    ],
    [
      'throws where it should reject',
      {
        put: () => {
          throw new Error('no room');
        },
      },
      /store of your own: put c0\.l0 failed: no room/,
    ],
  ])('that %s is named, and no wrong layer gets further', async (_, broken, message) => {
    const store = await keptStore({ ...mapStore(), ...broken });
    const work = async (): Promise<Output> => {
      await store.publish(trainTask(0, 0), output(7));
      return store.fetch(trainTask(0, 0), signal);
    };
    await expect(work()).rejects.toMatchObject({ code: 'files', message: expect.stringMatching(message) as string });
  });
});
