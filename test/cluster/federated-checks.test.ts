/**
 * What a federated run can check without anybody else's data, on a real server: repetition, bounds on updates, and the fall of accuracy.
 * Own process: a node's code is changed in it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { messageOf } from '../../src/errors.js';
import { RandomStream } from '../../src/random.js';
import { serveNode, type NodeOptions } from '../../src/run/cluster/serve.js';
import { trainToEnd } from '../../src/run/train.js';
import { taskKey, type Task } from '../../src/schedule/tasks.js';
import { ClusterStore } from '../../src/store/cluster/cluster-store.js';
import type { Output } from '../../src/store/store.js';
import { Fleet } from './fleet.js';
import { sleep, type Pff } from './server.js';

const fleet = new Fleet();
let folder = '';
const file = (name: string): string => path.join(folder, name);
const sites = ['site-1.csv', 'site-2.csv'];
const FLAGS =
  '--layers 2,16,16 --epochs 6 --splits 6 --batch 20 --learning-rate 0.01 --variant federated --shards 2 --nodes 2';

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-federated-'));
  for (const [seed, name] of ['held.csv', ...sites].entries()) {
    const stream = new RandomStream(1, 'test', 9, seed);
    const lines = Array.from({ length: 240 }, (_, i) => {
      const label = i % 3;
      return `${(label + stream.uniform() / 2).toFixed(3)},${stream.uniform().toFixed(3)},kind ${label}`;
    });
    writeFileSync(file(name), ['first,second,class', ...lines].join('\n'));
  }
});
afterEach(async () => {
  vi.restoreAllMocks();
  await fleet.end();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** @param out its run folder */
function submit(url: string, out: string, ...more: string[]): Pff {
  return fleet.pff(
    'train',
    '--data',
    file('held.csv'),
    ...FLAGS.split(' '),
    '--run',
    'wards',
    '--server',
    url,
    '--out',
    out,
    ...more,
  );
}

/** The node of the second site, in the test's own process. Resolves to what it ended with. */
function secondSite(url: string, more: Partial<NodeOptions> = {}): Promise<string> {
  const ending = new AbortController();
  const ended = serveNode({
    server: { server: url },
    run: 'wards',
    slot: 1,
    data: file('site-2.csv'),
    threads: 1,
    signal: ending.signal,
    say: () => {},
    ...more,
  }).then(
    () => 'ended',
    (error: unknown) => messageOf(error),
  );
  fleet.atEnd(async () => {
    ending.abort();
    await ended;
  });
  return ended;
}

/** Changes what every store of this process publishes, once it is to be published. */
function changePublished(change: (task: Task, output: Output) => Output | Promise<Output>): void {
  const { value: publish } = Object.getOwnPropertyDescriptor(ClusterStore.prototype, 'publish') as {
    value: ClusterStore['publish'];
  };
  vi.spyOn(ClusterStore.prototype, 'publish').mockImplementation(async function (this: ClusterStore, task, output) {
    return publish.call(this, task, await change(task, output));
  });
}

/** Changes what every task of this process fetches. */
function changeFetched(change: (task: Task, output: Output) => Output): void {
  const { value: ready } = Object.getOwnPropertyDescriptor(ClusterStore.prototype, 'ready') as {
    value: ClusterStore['ready'];
  };
  vi.spyOn(ClusterStore.prototype, 'ready').mockImplementation(function (this: ClusterStore) {
    const store = ready.call(this);
    return { ...store, fetch: async (task, signal) => change(task, await store.fetch(task, signal)) };
  });
}

/** A state of which every value is multiplied: well-formed, and wrong. */
function scaled({ steps, buffer }: Output, by: number): Output {
  const values = new Float32Array(new SharedArrayBuffer(buffer.byteLength));
  values.set(new Float32Array(buffer).map((value) => by * value));
  return { steps, buffer: values.buffer };
}

const said = (pff: Pff, what: RegExp): Promise<void> => comesToMatch(() => pff.text, what);

async function comesToMatch(text: () => string, what: RegExp): Promise<void> {
  for (const end = Date.now() + 30_000; !what.test(text()) && Date.now() < end;) await sleep(50);
  expect(text()).toMatch(what);
}

describe('a federated run with all checks', () => {
  it('of honest sites has the bits of one without', async () => {
    const shardDirs = sites.map((name) => file(name));
    const spec = { layers: [2, 16, 16], epochs: 6, splits: 6, batch: 20, learningRate: 0.01 };
    const alone = await trainToEnd({ data: file('held.csv'), spec, shardDirs });
    const at = await fleet.server();
    const train = submit(at.url, file('honest'), '--validate-every', '1', '--max-drop', '0.9', '--json');
    for (const [slot, name] of sites.entries())
      fleet.node(at, '--data', file(name), '--slot', String(slot + 1), '--repeat', '1', '--max-update', '20');
    expect(await train.exited, train.text).toBe(0);
    expect((JSON.parse(train.out) as { modelDigest: string }).modelDigest).toBe(alone.modelDigest);
    expect(train.text).not.toContain('ACCURACY FELL');
  });

  it('a site that blows a state up is noticed by the next, which leaves', async () => {
    const at = await fleet.server();
    submit(at.url, file('blown-up'));
    changePublished((task, output) => (taskKey(task) === 'c1.l0' ? scaled(output, 30) : output));
    void secondSite(at.url);
    const honest = fleet.node(at, '--data', file('site-1.csv'), '--slot', '1', '--run', 'wards', '--max-update', '20');
    expect(await honest.exited).toBe(1);
    expect(honest.text).toMatch(/c1\.l0 has moved by \S+ times the norm .*but may by 20 \(--max-update\)/);
    const status = fleet.pff('status', 'wards', '--server', at.url);
    expect(await status.exited).toBe(0);
    expect(status.text).toContain('c1.l0 has moved by');
  });

  it('a layer that became worse is told, with whose chapter it was', async () => {
    const at = await fleet.server();
    const out = file('worse');
    const train = submit(at.url, out, '--validate-every', '1', '--max-drop', '0.15');
    changePublished(async (task, output) => {
      // Who looks on sees the chapters that are still there when it looks: these two are, as nobody goes on from them yet.
      if (taskKey(task) === 'c3.l0')
        await comesToMatch(
          () => readFileSync(path.join(out, 'events.jsonl'), 'utf8'),
          /"type":"validation","chapter":2,/,
        );
      if (taskKey(task) === 'c5.l0') await said(train, /ACCURACY FELL/);
      // The weights of a layer turned round.
      return taskKey(task) === 'c3.l0' ? scaled(output, -1) : output;
    });
    void secondSite(at.url);
    fleet.node(at, '--data', file('site-1.csv'), '--slot', '1');
    await said(
      train,
      /ACCURACY FELL after chapter (4, which trained on shard 2|5, which trained on shard 1): .*layer \d alone \S+ %, but \S+ % after/,
    );
    expect(await train.exited).toBe(0);
  });

  it('a site whose memory changes between two times publishes nothing of the task', async () => {
    const at = await fleet.server();
    submit(at.url, file('repeated'));
    let fetched = 0;
    changeFetched((task, output) =>
      taskKey(task) === 'c0.l0' && ++fetched % 2 === 0 ? scaled(output, 1.001) : output,
    );
    const ended = secondSite(at.url, { repeat: 1 });
    fleet.node(at, '--data', file('site-1.csv'), '--slot', '1');
    expect(await ended).toMatch(/did c1\.l\d twice and had two results/);
    const status = fleet.pff('status', 'wards', '--server', at.url, '--json');
    expect(await status.exited).toBe(0);
    expect((JSON.parse(status.out) as { tasksDone: number }).tasksDone).toBeLessThan(4);
  });
});
