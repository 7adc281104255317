/** Data of one's own on a cluster: nodes have the file, or are refused with what to do; federated nodes train on tables of their own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, afterAll, expect, it } from 'vitest';
import { RandomStream } from '../../src/random.js';
import { trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { Fleet } from './fleet.js';
import { sleep, type Pff } from './server.js';

const fleet = new Fleet();
let folder = '';
const file = (name: string): string => path.join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-own-cluster-'));
});
afterEach(() => fleet.end());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Rows of two measures, told apart by the first. */
function table(name: string, classes: number, rows: number, from = 0): void {
  const stream = new RandomStream(1, 'test', 9, from);
  const lines = Array.from({ length: rows }, (_, i) => {
    const label = (from + i) % classes;
    return `${(label + stream.uniform() / 2).toFixed(3)},${stream.uniform().toFixed(3)},kind ${label}`;
  });
  writeFileSync(file(name), ['first,second,class', ...lines].join('\n'));
}

async function digestOf(train: Pff): Promise<string> {
  expect(await train.exited, train.text).toBe(0);
  return (JSON.parse(train.out) as { modelDigest: string }).modelDigest;
}

async function said(node: Pff, what: RegExp): Promise<void> {
  for (const end = Date.now() + 30_000; !what.test(node.text) && Date.now() < end;) await sleep(50);
  expect(node.text).toMatch(what);
}

it('nodes with the file do the run, with 300 classes and predicted labels; one with another file is told what to do', async () => {
  table('kinds.csv', 300, 1200);
  table('others.csv', 300, 1200, 7);
  const spec: PartialSpec = {
    layers: [2, 16, 16],
    epochs: 3,
    splits: 3,
    batch: 100,
    negatives: 'adaptive',
    labelLag: 2,
  };
  const alone = await trainToEnd({ data: file('kinds.csv'), spec });
  const at = await fleet.server();
  const flags = '--layers 2,16,16 --epochs 3 --splits 3 --batch 100 --negatives adaptive --label-lag 2'.split(' ');
  const train = fleet.pff(
    'train',
    '--data',
    file('kinds.csv'),
    ...flags,
    '--nodes',
    '2',
    '--run',
    'own',
    '--out',
    file('run'),
    '--json',
    '--server',
    at.url,
  );
  const wrong = fleet.node(at, '--data', file('others.csv'));
  await said(
    wrong,
    /refused: run own trains on kinds .*Copy the file that the run was submitted with to this machine, unchanged, and name it by --data/,
  );
  const without = fleet.node(at, '--run', 'own');
  expect(await without.exited).toBe(1);
  expect(without.text).toMatch(/the data of run own is not here: .*Name it by --data/);
  const nodes = [fleet.node(at, '--data', file('kinds.csv')), fleet.node(at, '--data', file('kinds.csv'))];
  expect(await digestOf(train)).toBe(alone.modelDigest);

  // Others who follow it have the data, too, and measure as they like.
  const following = ['--data', file('kinds.csv'), '--server', at.url];
  expect(train.text).toContain(`(pff attach own ${following.join(' ')} follows it again)`);
  const more = ['--validate-every', '1', '--validate-samples', '50', '--max-drop', '0.5', '--json'];
  const attach = fleet.pff('attach', 'own', ...following, ...more, '--out', file('attached'));
  expect(await digestOf(attach)).toBe(alone.modelDigest);
  const lost = fleet.pff('attach', 'own', '--data', file('others.csv'), '--server', at.url, '--out', file('lost'));
  expect(await lost.exited).toBe(1);
  expect(lost.text).toMatch(/run own trains on kinds .*, but the data given here have .*\n.*by --data, unchanged/);
  const watch = fleet.pff('watch', 'own', ...following, '--no-open', '--port', '0', '--out', file('watched'));
  await said(watch, /page at http/);
  for (const node of nodes) expect(node.text).toContain('joined run own');
}, 120_000);

it('federated nodes train on tables of their own, scaled as the data that the run was submitted with', async () => {
  table('held.csv', 3, 120);
  table('hospital-1.csv', 3, 200, 1);
  table('hospital-2.csv', 3, 260, 2);
  const spec: PartialSpec = { layers: [2, 16, 16], epochs: 4, splits: 4, batch: 20 };
  const here = { data: file('held.csv'), spec, shardDirs: [file('hospital-1.csv'), file('hospital-2.csv')] };
  const alone = await trainToEnd(here);
  expect(alone.testAccuracy).toBeGreaterThan(0.5);
  expect((await trainToEnd({ ...here, nodes: 2 })).modelDigest).toBe(alone.modelDigest);
  // Other rows to scale by make another network.
  table('wider.csv', 4, 120);
  await expect(trainToEnd({ ...here, shardDirs: [file('hospital-1.csv'), file('wider.csv')] })).rejects.toThrow(
    /shard 2 .*30 of 120 samples are of classes that are not known: kind 3 \(30\)/,
  );

  const at = await fleet.server();
  const flags = '--layers 2,16,16 --epochs 4 --splits 4 --batch 20 --variant federated --shards 2 --nodes 2'.split(' ');
  const train = fleet.pff(
    'train',
    '--data',
    file('held.csv'),
    ...flags,
    '--run',
    'wards',
    '--out',
    file('federated'),
    '--json',
    '--quiet',
    '--server',
    at.url,
  );
  for (const slot of ['1', '2']) fleet.node(at, '--data', file(`hospital-${slot}.csv`), '--slot', slot);
  expect(await digestOf(train)).toBe(alone.modelDigest);
});
