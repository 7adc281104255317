/** Runs that cannot be done, or not by every node: they end with a reason for all, and the nodes go on to the next run. */
import { afterEach, describe, expect, it } from 'vitest';
import { listRuns, runRecord, runStatus } from '../../src/run/cluster/manage.js';
import { newRunRecord, type RunSetting } from '../../src/run/cluster/record.js';
import { loadDataset } from '../../src/data/sources/load.js';
import { openKernels } from '../../src/kernels/open.js';
import { resolveSpec, type RunSpec } from '../../src/spec/spec.js';
import { NatsApi } from '../../src/store/nats/api.js';
import { connectNats } from '../../src/store/nats/connect.js';
import { NatsEngine, stateStream } from '../../src/store/nats/engine.js';
import { NatsRegistry } from '../../src/store/nats/registry.js';
import { Fleet, follow } from './fleet.js';
import { sleep, type Pff, type TestServer } from './server.js';

const fleet = new Fleet();
afterEach(() => fleet.end());

const tiny = resolveSpec({
  layers: [784, 24, 20],
  trainSamples: 400,
  testSamples: 100,
  epochs: 2,
  batch: 32,
  seed: 4,
});

/** Puts a run on the server as somebody would who does not use our checks. */
async function put(
  at: TestServer,
  run: string,
  spec: Partial<RunSpec>,
  setting: Partial<RunSetting> = {},
): Promise<void> {
  const dataset = await loadDataset({ dataset: 'mnist' });
  const { kernels } = await openKernels({ kernels: 'auto', threads: 1, precision: 'f32' });
  const { numerics } = kernels;
  kernels.close();
  const all = { ...tiny, ...spec };
  const record = newRunRecord(
    {
      run,
      spec: all,
      variant: 'all-layers',
      nodes: 2,
      numerics,
      leaseMs: 1500,
      storage: 'file',
      replicas: 1,
      maxBytes: 0,
      ...setting,
    },
    dataset,
  );
  const connection = await connectNats({ server: at.url }, 'test');
  const api = new NatsApi(connection);
  const registry = new NatsRegistry(api);
  await registry.open(1);
  await registry.add(record);
  await new NatsEngine(api, record, record, () => registry.restore(record)).open();
  await connection.close();
}

async function says(node: Pff, text: RegExp, ms = 30_000): Promise<void> {
  for (const end = Date.now() + ms; !text.test(node.text) && Date.now() < end;) await sleep(50);
  expect(node.text).toMatch(text);
}

describe('a run that nobody can do', () => {
  const runs: readonly [string, Partial<RunSpec>, RegExp, Partial<RunSetting>?][] = [
    [
      'a loss that is no longer finite',
      { learningRate: 1e20, weightDecay: 0 },
      /the loss of layer \d became (NaN|Infinity) in chapter/,
    ],
    ['layers that do not fit the images', { layers: [100, 24, 20] }, /layers begin with 100, but images of mnist/],
    ['more samples than there are', { trainSamples: 70_000 }, /70000 training samples were asked for/],
    ['more shards than samples', { shards: 500 }, /400 samples cannot be split into 500 shards/],
    ['more splits than batches', { splits: 500 }, /500 splits were asked for, but 2 epochs of 400 samples/],
    ['too many splits', { epochs: 1e9, splits: 1e9 }, /1000000000 splits make \d+ tasks, but there may be at most/],
    ['a batch beyond all bounds', { batch: 1e15 }, /batch is 1000000000000000, but there may be at most/],
    ['too many batches a chapter', { epochs: 1e9, splits: 1 }, /1000000000 epochs of 400 samples in 1 chapters/],
    ['very many layers', { layers: [784, ...Array<number>(5000).fill(2)] }, /the network has 5000 layers/],
    ['a baseline', { objective: 'backprop', negatives: 'none', classifier: 'last-head' }, /objective backprop is a/],
    ['too little room on the server', {}, /maxBytes is 1, but the run may need \d+ bytes/, { maxBytes: 1 }],
    ['fields that contradict each other', { negatives: 'none' }, /needs negative samples, but negatives is none/],
  ];

  it('ends for all with its reason; the nodes serve the next run', async () => {
    const at = await fleet.server();
    const nodes = [fleet.node(at), fleet.node(at)];
    for (const [i, [, spec, , setting]] of runs.entries()) await put(at, `bad-${i}`, spec, setting);
    const { digest } = await follow({ server: at.url }, {}, { spec: tiny, run: 'good' });
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    for (const node of nodes) expect(node.child.exitCode, node.text).toBeNull();
    const states = new Map((await listRuns({ server: at.url })).map(({ run, state }) => [run, state]));
    for (const [i, [what, , reason]] of runs.entries()) {
      expect(states.get(`bad-${i}`), what).toBe('failed');
      const { failure } = await runStatus({ server: at.url }, `bad-${i}`);
      expect(failure, what).toMatch(reason);
    }
    expect(states.get('good')).toBe('finished');
    // A node that was asked for such a run says why, and so does one that is started later.
    const asked = fleet.node(at, '--run', 'bad-0');
    expect(await asked.exited).toBe(1);
    expect(asked.text).toMatch(/run bad-0 is failed/);
  });

  it('a false word of a failure is not believed', async () => {
    const at = await fleet.server();
    const connection = await connectNats({ server: at.url }, 'mallory');
    fleet.atEnd(() => connection.close());
    const lies = [
      ['usage', 'layers do not fit'],
      ['training', 'no such task', 'c99.l0'],
      ['training', 'done already', 'c0.l0'],
      ['training', 'which?'],
    ];
    const node = fleet.node(at);
    const { digest } = await follow(
      { server: at.url },
      Object.fromEntries(
        lies.map(([code, message, task], i) => [
          1 + i,
          async () => {
            const error = { name: 'PffError', code, message };
            const record = { v: 1, by: 'mallory', name: 'mallory', ...(task && { task }), error };
            const { id } = await runRecord({ server: at.url }, 'test');
            await connection.request(`pff.test.${id}.k.failed`, JSON.stringify(record));
          },
        ]),
      ),
      { spec: { ...tiny, epochs: 6, splits: 6 } },
    );
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    await says(node, /run test is finished/);
  });
});

describe('a run that this node cannot do', () => {
  it('memory: it refuses with the reason in the status, and serves others', async () => {
    const at = await fleet.server();
    const node = fleet.node(at, '--max-memory', '600000000');
    await put(at, 'large', { layers: [784, 10_000, 10_000] });
    await put(at, 'huge', { layers: [784, 2 ** 40, 20] });
    const { digest } = await follow({ server: at.url }, {}, { spec: tiny, run: 'good' });
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(node.child.exitCode, node.text).toBeNull();
    for (const run of ['large', 'huge']) {
      const { state, refused } = await runStatus({ server: at.url }, run);
      expect(state).toBe('open');
      expect(refused.map(({ why }) => why).join()).toMatch(/this run may need .* GB, but it may use 0\.60 GB/);
    }
    const asked = fleet.node(at, '--run', 'large', '--max-memory', '600000000');
    expect(await asked.exited).toBe(1);
    expect(asked.text).toMatch(/this node does not fit run large: this run may need/);
  });

  it('a run for which the server has no room: others are served meanwhile', async () => {
    const at = await fleet.server();
    await put(at, 'full', {});
    const connection = await connectNats({ server: at.url }, 'operator');
    fleet.atEnd(() => connection.close());
    const stream = stateStream('full');
    const { config } = (await connection.request(`$JS.API.STREAM.INFO.${stream}`)).json<{ config: object }>();
    const room = (bytes: number): Promise<unknown> =>
      connection.request(`$JS.API.STREAM.UPDATE.${stream}`, JSON.stringify({ ...config, max_bytes: bytes }));
    await room(1000);
    const node = fleet.node(at);
    await says(node, /joined run full[^]*waiting: the server refused .*maximum bytes exceeded/);
    const { digest } = await follow({ server: at.url }, {}, { spec: tiny, run: 'good' });
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    await says(node, /nothing goes on in run full, which the server refuses; looking for another[^]*joined run good/);
    await room(-1);
    await says(node, /run full is finished/);
  });

  it('a run that waits for something no node has: others are served, and this one again and again', async () => {
    const at = await fleet.server();
    // Of two federated slots the second has no node.
    await put(at, 'waits', { shards: 2 }, { variant: 'federated' });
    const node = fleet.node(at);
    await says(node, /joined run waits/);
    const { digest } = await follow({ server: at.url }, {}, { spec: tiny, run: 'good' });
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    await says(node, /nothing goes on in run waits; looking for another[^]*joined run good[^]*joined run waits/);
  });
});
