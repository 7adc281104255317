/** Runs of one name, one after the other: what is left of the earlier one neither reaches the later one nor reads it. */
import type { NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newRunRecord } from '../../src/run/cluster/record.js';
import { RunQueue } from '../../src/run/cluster/run-queue.js';
import { trainTask } from '../../src/schedule/tasks.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { systemClock } from '../../src/store/cluster/clock.js';
import { ClusterStore } from '../../src/store/cluster/cluster-store.js';
import { runContext, type RunRecord } from '../../src/store/cluster/run-record.js';
import { NatsApi } from '../../src/store/nats/api.js';
import { connectNats } from '../../src/store/nats/connect.js';
import { recordStream, runStreams, stateStream } from '../../src/store/nats/engine.js';
import { NatsRegistry, REGISTRY_STREAM } from '../../src/store/nats/registry.js';
import { runEngine } from '../../src/store/nats/run-engine.js';
import { TestServer } from '../cluster/server.js';

const shape = { layers: 2, head: false, splits: 3, predictedLabels: 'none', labelLag: 1 } as const;
const bytes = new Uint8Array([1]);

function recordOf(seed: number, run = 'S'): RunRecord {
  const spec = resolveSpec({ layers: [784, 32, 24], seed });
  const numerics = { id: 'f32-fma/1', exact: true } as const;
  const setting = { run, spec, variant: 'all-layers', nodes: 1, numerics, leaseMs: 1000 } as const;
  const dataset = { name: 'mnist', digest: 'd', classes: ['0', '1'] };
  return newRunRecord({ ...setting, storage: 'file', replicas: 1, maxBytes: 0 }, dataset);
}

/** As versions wrote it that knew no ids. */
function withoutId(record: RunRecord): RunRecord {
  const { id: _, ...rest } = record;
  return rest;
}

let server: TestServer;
let connection: NatsConnection;
let api: NatsApi;
let registry: NatsRegistry;
const stores: ClusterStore[] = [];

beforeEach(async () => {
  server = await TestServer.start();
  connection = await connectNats({ server: server.url }, 'test');
  api = new NatsApi(connection);
  registry = new NatsRegistry(api);
  await registry.open(1);
});

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await connection.close();
  await server.close();
});

async function submit(record: RunRecord): Promise<RunRecord> {
  await registry.open(1);
  await registry.add(record);
  await runEngine(api, registry, record).open();
  return record;
}

async function storeOf(record: RunRecord): Promise<ClusterStore> {
  const store = new ClusterStore({
    engine: runEngine(api, registry, record),
    shape,
    id: `of-${record.spec.seed}`,
    name: 'test',
    clock: systemClock,
    signal: new AbortController().signal,
    nodes: 1,
    expected: () => ({ bytes: 8 }),
  });
  stores.push(store);
  await store.open();
  return store;
}

/** As a server does that is killed and started again without its files. */
async function loseEverything(): Promise<void> {
  for (const stream of [REGISTRY_STREAM, recordStream('S'), stateStream('S')]) await api.deleteStream(stream);
}

function ended({ signal }: ClusterStore): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
}

const removed = { kind: 'removed', message: expect.stringContaining('another run of that name') as string };

describe.each([
  ['of this version', (record: RunRecord) => record],
  ['of a version without ids', withoutId],
])('an earlier run %s, when its server has lost everything and has a new run of its name', (_, asWritten) => {
  it('ends for its store, which brings nothing of it back', async () => {
    const store = await storeOf(await submit(asWritten(recordOf(1))));
    await store.publish(trainTask(0, 0), { steps: 1, buffer: new SharedArrayBuffer(8) });
    await store.flush();
    await loseEverything();
    const later = await storeOf(await submit(recordOf(2)));
    expect(await ended(store)).toMatchObject(removed);
    await later.mirror.refresh();
    expect([...later.mirror.all()]).toEqual([]);
    expect(await runEngine(api, registry, recordOf(2)).chunkKeys()).toEqual([]);
    expect(later.signal.aborted).toBe(false);
  });

  it('writes and reads nothing of the new one, whatever it knew last', async () => {
    const earlier = runEngine(api, registry, await submit(asWritten(recordOf(1))));
    await earlier.write('task.c0.l0', bytes, 0);
    await loseEverything();
    const later = runEngine(api, registry, await submit(recordOf(2)));
    await later.write('task.c0.l1', bytes, 0);
    await later.putChunk('c0.l1.0123456789abcdef.0', bytes);
    // Without a look at the register before, as in a process that was frozen just then.
    for (const late of [
      () => earlier.write('task.c0.l0', bytes, 0),
      () => earlier.putChunk('c0.l0.0123456789abcdef.0', bytes),
      () => earlier.next(0),
      () => earlier.state(),
    ])
      await expect(late()).rejects.toThrow(/no responders|that of another run/);
    expect(await earlier.read('task.c0.l1')).toBeUndefined();
    expect(await earlier.getChunk('c0.l1.0123456789abcdef.0')).toBeUndefined();
    await earlier.dropChunks('c0.l1');
    await expect(earlier.open()).rejects.toMatchObject(removed);
    expect(await later.state()).toMatchObject({ last: 1 });
    expect(await later.chunkKeys()).toEqual(['c0.l1.0123456789abcdef.0']);
  });

  it('does not end the new one in the register', async () => {
    const earlier = await submit(asWritten(recordOf(1)));
    await loseEverything();
    await submit(recordOf(2));
    await registry.mark(earlier, 'finished');
    await registry.remove(earlier);
    expect((await registry.get('S'))?.record).toMatchObject({ state: 'open', spec: { seed: 2 } });
    expect((await api.state(recordStream('S'))).last).toBe(0);
  });
});

it('a run whose server has lost everything comes back under its name, with its id', async () => {
  const record = await submit(recordOf(1));
  await loseEverything();
  await runEngine(api, registry, record).open();
  expect((await registry.get('S'))?.record).toEqual(record);
});

describe('the name of a removed run', () => {
  it('can be used again, and a process of the removed run stays out', async () => {
    const earlier = await submit(recordOf(1));
    const store = await storeOf(earlier);
    await registry.remove(earlier);
    const later = await submit(recordOf(2));
    expect(await ended(store)).toMatchObject({ kind: 'removed' });
    expect((await registry.get('S'))?.record).toEqual(later);
    expect((await registry.list()).map(({ record }) => record)).toEqual([later]);
  });

  it('is taken while its run is there', async () => {
    const earlier = await submit(recordOf(1));
    await registry.mark(earlier, 'stopped');
    await expect(registry.checkFree('S')).rejects.toMatchObject({ message: 'there is a run S already' });
    await expect(registry.add(recordOf(2))).rejects.toMatchObject({ message: 'there is a run S already' });
  });

  it('has no streams of that run any more when it is used again', async () => {
    const earlier = await submit(recordOf(1));
    // Whoever removed it was killed before its streams were gone.
    await registry.mark(earlier, 'removed');
    const later = recordOf(2);
    await registry.add(later);
    await expect(api.state(recordStream('S'))).rejects.toMatchObject({ kind: 'gone' });
    // A process that had looked at the register just before makes them once more.
    const [records, states] = runStreams(earlier);
    for (const { name, subject } of [records, states])
      await api.makeStream({ name, subjects: [subject], storage: 'file', replicas: 1, maxBytes: 0 });
    const engine = runEngine(api, registry, later);
    await engine.open();
    expect(await engine.write('task.c0.l0', bytes, 0)).toBe(1);
    expect(await engine.state()).toMatchObject({ last: 1 });
  });
});

it('a node that is done with a run serves the next one of its name', async () => {
  const queue = new RunQueue(registry);
  const earlier = await submit(recordOf(1));
  queue.later(earlier);
  queue.done(earlier);
  expect(await queue.next()).toBeUndefined();
  await registry.remove(earlier);
  const later = await submit(recordOf(2));
  expect(await queue.next()).toEqual(later);
  expect([await queue.hasOthers(earlier), await queue.hasOthers(later)]).toEqual([true, false]);
  expect(queue.patienceMs(earlier)).toBe(2 * queue.patienceMs(later));
});

it('what is said of results names the id', () => {
  const record = recordOf(1);
  const same = { ...recordOf(1), createdMs: record.createdMs };
  expect(runContext(same)).not.toBe(runContext(record));
  expect(runContext({ ...same, id: record.id })).toBe(runContext(record));
});
