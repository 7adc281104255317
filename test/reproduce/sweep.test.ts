/** Sweeps: what their files say, the same table after a kill, with several trainings at once and on a cluster; halving; lists of runs. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import type { RunSummary } from '../../src/run/cluster/manage.js';
import { parseSweep, runSweep, type SweepOptions, type SweepRow } from '../../src/reproduce/sweep.js';
import { trialsOf, unitName } from '../../src/reproduce/sweep-plan.js';
import { trainToEnd } from '../../src/run/train.js';
import { localRuns } from '../../src/run/list-runs.js';
import { pff } from '../cli/helpers.js';
import { Fleet } from '../cluster/fleet.js';
import { sleep } from '../cluster/server.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-sweep-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const table = path.join(folder, 'table.csv');
writeFileSync(
  table,
  ['x,y,class', ...Array.from({ length: 90 }, (_, i) => `${i % 7},${(i * 5) % 11},${i % 7 > 3 ? 'a' : 'b'}`)].join(
    '\n',
  ),
);
const quick = { layers: [0, 12, 12], batch: 16, epochs: 2, splits: 2 };

async function swept(
  sweep: unknown,
  out: string,
  stopAfter = Infinity,
  more: Pick<SweepOptions, 'parallel'> = {},
): Promise<readonly SweepRow[]> {
  const stop = new AbortController();
  let trained = 0;
  for await (const event of runSweep(parseSweep(sweep, 'the sweep'), {
    out: path.join(folder, out),
    signal: stop.signal,
    ...more,
  })) {
    if (event.type === 'run' && event.event.type === 'task-finished' && ++trained >= stopAfter)
      stop.abort(new Error('enough'));
    if (event.type === 'swept') return event.rows;
  }
  return [];
}

const TWELVE = { spec: quick, data: table, grid: { learningRate: [0.01, 0.03], dropout: [0, 0.1] }, seeds: 3 };
const trainings = (out: string): string[] =>
  existsSync(path.join(folder, out))
    ? readdirSync(path.join(folder, out)).filter((name) => name.startsWith('trial-'))
    : [];
const finished = (out: string): number =>
  trainings(out).filter((name) => existsSync(path.join(folder, out, name, 'result.json'))).length;

it('twelve runs that are stopped in the middle and gone on with have the table of those that were not', async () => {
  const whole = await swept(TWELVE, 'whole');
  expect(whole.map(({ accuracies }) => accuracies.length)).toEqual([3, 3, 3, 3]);
  expect(whole[0]?.mean).toBe(Math.max(...whole.map(({ mean }) => mean)));
  await expect(swept(TWELVE, 'stopped', 20)).rejects.toThrow();
  expect(existsSync(path.join(folder, 'stopped', 'sweep.json'))).toBe(false);
  expect(await swept(TWELVE, 'stopped')).toEqual(whole);
  expect(trainings('stopped')).toHaveLength(12);
});

it('the setting with the highest mean comes first, however long it was trained', async () => {
  const rows = await swept(
    { spec: quick, data: table, grid: { epochs: [2, 4], learningRate: [0.03, 1e-9] } },
    'lengths',
  );
  expect(rows.map(({ mean }) => mean)).toEqual(rows.map(({ mean }) => mean).toSorted((a, b) => b - a));
  // One that has learned nothing is last, though it was trained for longer than another.
  expect(rows[0]?.fields.learningRate).toBe(0.03);
});

it('of each size of training a tenth is held out, and of a small dataset no more than that', async () => {
  const sizes = { spec: { layers: [784, 8, 8], epochs: 1 }, grid: { trainSamples: [1000, 2000] } };
  const rows = await swept(sizes, 'sizes');
  const held = rows.map(({ fields, runs }) => {
    const spec = JSON.parse(readFileSync(path.join(folder, 'sizes', runs[0] as string, 'spec.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    return [fields.trainSamples, spec['validationSamples']];
  });
  expect(held.toSorted((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
    [1000, 100],
    [2000, 200],
  ]);
});

it.each([{ spec: { splits: 2 } }, { spec: {}, grid: { epochs: [1, 2] } }])(
  'halving refuses lengths that it would set itself: %j',
  async (sweep) => {
    await expect(swept({ ...sweep, data: table, halving: { epochs: 2 } }, 'refused')).rejects.toThrow(
      /halving sets epochs and splits/,
    );
  },
);

it('several at once that are stopped in the middle have the same table', async () => {
  const four = { ...TWELVE, seeds: 1 };
  await expect(swept(four, 'at-once', 3, { parallel: 3 })).rejects.toThrow(/interrupted|enough|stopped/);
  expect(existsSync(path.join(folder, 'at-once', 'sweep.json'))).toBe(false);
  expect(await swept(four, 'at-once', Infinity, { parallel: 3 })).toEqual(await swept(four, 'whole'));
});

it('a training that fails stops the others, and is what the sweep failed of', async () => {
  const failing = { spec: { ...quick, weightDecay: 0 }, data: table, grid: { learningRate: [0.01, 1e30] } };
  await expect(swept(failing, 'failing', Infinity, { parallel: 2 })).rejects.toThrow(/^the loss of layer 1 became/);
});

it('a training that somebody went on with by itself is not taken for the one that was asked for', async () => {
  const two = { spec: quick, data: table, grid: { learningRate: [0.01, 0.03] } };
  await swept(two, 'longer');
  const one = readdirSync(path.join(folder, 'longer')).find((name) => name.startsWith('trial')) ?? '';
  await trainToEnd({ resume: path.join(folder, 'longer', one), spec: { epochs: 4 } });
  await expect(swept(two, 'longer')).rejects.toThrow(/is to have 2 epochs, but its folder has one of 4/);
});

const asFile = path.join(folder, 'twelve.json');
writeFileSync(asFile, JSON.stringify(TWELVE));
const fleet = new Fleet();
afterEach(() => fleet.end());

/** A sweep by the program, killed once `most` trainings are finished. */
async function killed(out: string, most: number, ...more: string[]): Promise<void> {
  const process = fleet.pff('sweep', asFile, '--out', path.join(folder, out), '--quiet', ...more);
  for (let i = 0; i < 3000 && finished(out) < most && process.child.exitCode === null; i++) await sleep(10);
  process.child.kill('SIGKILL');
  await process.exited;
}

async function goneOn(out: string, ...more: string[]): Promise<SweepRow[]> {
  const process = fleet.pff('sweep', asFile, '--out', path.join(folder, out), '--json', '--quiet', ...more);
  expect(await process.exited, process.text).toBe(0);
  return JSON.parse(process.out) as SweepRow[];
}

/** As the program prints it. */
const printed = (rows: readonly SweepRow[]): unknown => JSON.parse(JSON.stringify(rows));

it('SIGKILL in the middle of twelve, two at once: the table of those that were not killed', async () => {
  await killed('shot', 4, '--parallel', '2');
  expect(finished('shot')).toBeGreaterThanOrEqual(4);
  expect(finished('shot')).toBeLessThan(12);
  expect(await goneOn('shot', '--parallel', '2')).toEqual(printed(await swept(TWELVE, 'whole')));
});

it('the same on two nodes of a cluster, one of which is killed, too', { timeout: 120_000 }, async () => {
  const at = await fleet.server();
  const node = (): ReturnType<Fleet['node']> => fleet.node(at, '--data', table);
  const nodes = [node(), node()];
  await killed('cluster', 4, '--server', at.url, '--lease', '1');
  expect(finished('cluster')).toBeGreaterThanOrEqual(4);
  expect(finished('cluster')).toBeLessThan(12);
  nodes[1]?.child.kill('SIGKILL');
  nodes[1] = node();
  expect(await goneOn('cluster', '--server', at.url, '--lease', '1')).toEqual(printed(await swept(TWELVE, 'whole')));
  // Both took part, and nothing is left on the server.
  for (const { text } of nodes) expect(text).toMatch(/joined run trial-/);
  const left = fleet.pff('runs', '--json', '--server', at.url);
  expect(await left.exited).toBe(0);
  expect(JSON.parse(left.out) as RunSummary[]).toEqual([]);
});

it('a training is named by the parts of plugins that it uses, and as ever where it uses none', () => {
  const trial = { number: 4, fields: {} };
  const named = (...parts: object[]): string => unitName(trial, 2, { epochs: 3 }, { data: 'abc', parts });
  const digest = createHash('sha256').update('[{"epochs":3},"abc"]').digest('hex').slice(0, 8);
  expect(named()).toBe(`trial-005-seed-2-${digest}`);
  const part = { kind: 'schedule', name: 'x' };
  expect(new Set([named(), named({ ...part, digest: '1' }), named({ ...part, digest: '2' })]).size).toBe(3);
});

it('random draws are keyed, within their ranges, and of few figures', () => {
  const fields = {
    learningRate: { from: 0.001, to: 0.1, scale: 'log' },
    batch: { values: [16, 32] },
    dropout: { from: 0, to: 0.5 },
    epochs: { from: 3, to: 40, scale: 'log' },
    beta2: { from: 0.99, to: 0.9999 },
  };
  const trials = (seed: number) => trialsOf(parseSweep({ random: { trials: 20, seed, fields } }, 'the sweep'));
  expect(trials(1)).toEqual(trials(1));
  expect(trials(1)).not.toEqual(trials(2));
  for (const { fields: drawn } of trials(1)) {
    expect(drawn.learningRate).toBeGreaterThanOrEqual(0.001);
    expect(drawn.learningRate).toBeLessThanOrEqual(0.1);
    expect([16, 32]).toContain(drawn.batch);
    expect(Number.isInteger(drawn.epochs)).toBe(true);
    expect(drawn.beta2).toBeLessThanOrEqual(0.9999);
    expect(String(drawn.dropout).replace(/^0\.0*/, '').length).toBeLessThanOrEqual(3);
  }
});

it.each([
  ['federated', { variant: 'federated', nodes: 2 }, {}],
  ['DFF', { variant: 'dff' }, { epochs: 4, splits: 4 }],
  ['AdaptiveNEG on two nodes', { nodes: 2 }, { negatives: 'adaptive' }],
] as const)('seeds of a run are what that run is: %s', async (name, how, fields) => {
  const spec = { ...quick, ...fields };
  const plain = await trainToEnd({ spec, data: table, ...how });
  const out = path.join(folder, `seeds-${name}`);
  const sweep = { spec: { dataset: 'own', ...spec }, seeds: 1, asked: 'as it is' } as const;
  for await (const event of runSweep(sweep, { out, dataDir: table, ...how }))
    if (event.type === 'swept') expect(event.rows[0]?.digests).toEqual([plain.modelDigest]);
});

it('halving trains the best longer', async () => {
  const rows = await swept(
    {
      spec: { layers: [0, 12, 12], batch: 16 },
      data: table,
      grid: { learningRate: [0.001, 0.01, 0.03, 0.05] },
      halving: { epochs: 1, factor: 2, rungs: 3 },
    },
    'halving',
  );
  expect(rows.map(({ epochs }) => epochs)).toEqual([4, 2, 1, 1]);
});

it('all trainings begin with a model', async () => {
  const base = { spec: quick, data: table };
  const [row] = await swept(base, 'base');
  const rows = await swept(
    { ...base, init: path.join(folder, 'base', row?.runs[0] ?? ''), grid: { freeze: [[], [1]] } },
    'tuned',
  );
  expect(new Set([...rows, row].map((each) => each?.digests[0])).size).toBe(3);
  const specs = rows.map(({ runs }) => localRuns(path.join(folder, 'tuned', runs[0] ?? ''))[0]?.spec);
  expect(specs.map((spec) => spec?.init)).toEqual([row?.digests[0], row?.digests[0]]);
});

it.each([
  [{ grid: { learningRte: [1] } }, 'a sweep over learningRte: a spec has no such field'],
  [{ grid: { dropout: [2] } }, 'a sweep over dropout: 2 is no value of that field'],
  [{ grid: { dropout: [] } }, 'the sweep: grid.dropout:'],
  [{ seed: 3 }, 'the sweep: the sweep:'],
])('%j is refused', async (sweep, message) => {
  await expect(swept(sweep, 'refused')).rejects.toThrow(message);
});

it('list and compare show runs of a folder', async () => {
  const runs = localRuns(path.join(folder, 'whole'));
  expect(runs).toHaveLength(12);
  const listed = await pff(['list', 'whole', '--sort', 'accuracy', '--json'], folder);
  const accuracies = (JSON.parse(listed.stdout) as { accuracy: number }[]).map(({ accuracy }) => accuracy);
  expect(accuracies).toEqual(accuracies.toSorted((a, b) => a - b));
  const [first, second] = [runs[0]?.name ?? '', runs.at(-1)?.name ?? ''];
  const compared = await pff(['compare', path.join('whole', first), path.join('whole', second)], folder);
  expect(compared.stdout).toMatch(/^learningRate +0\.01 +0\.03$/m);
  expect(compared.stdout).toMatch(/^model digest +[0-9a-f]{12} +[0-9a-f]{12}$/m);
  expect((await pff(['list', 'nowhere'], folder)).stderr).toContain('there is no folder nowhere');
});

it('--seeds trains a spec several times, and tags its own runs only', { timeout: 120_000 }, async () => {
  const asked = 'train --data table.csv --layers auto,12,12 --epochs 2 --quiet --out seeds'.split(' ');
  await swept({ spec: quick, data: table }, 'seeds/other');
  const { code, stdout } = await pff(
    [...asked, '--seeds', '2', '--tag', 'new', '--validate-every', '1', '--json'],
    folder,
  );
  const [row] = JSON.parse(stdout) as SweepRow[];
  expect([code, row?.count, new Set(row?.digests).size, row?.measuredOn]).toEqual([0, 2, 2, 'test']);
  const runs = localRuns(path.join(folder, 'seeds'));
  expect(runs.map(({ name, tags }) => [name.startsWith('other'), tags])).toEqual([
    [true, []],
    [false, ['new']],
    [false, ['new']],
  ]);
  expect(
    readFileSync(path.join(runs[1]?.folder ?? '', 'events.jsonl'), 'utf8').match(/"type":"validation"/g),
  ).toHaveLength(2);
  const table2 = (await pff([...asked, '--seeds', '2'], folder)).stdout;
  expect(table2).toMatch(/^setting +epochs +seeds +test +± 95 % +digest$/m);
  const others = await pff([...asked, '--seeds', '2', '--learning-rate', '0.02'], folder);
  expect([others.code, others.stderr]).toEqual([2, expect.stringContaining('has the runs of another sweep')]);
  const lease = await pff([...asked, '--seeds', '2', '--lease', '5'], folder);
  expect([lease.code, lease.stderr]).toEqual([2, expect.stringContaining('--lease is of one run')]);
});

it('settings that read the data in different ways train on what they read', async () => {
  const rows = await swept({ spec: quick, data: table, grid: { ignoreColumns: ['', 'y'], splitSeed: [1, 2] } }, 'read');
  const runs = rows.map(({ trial, runs: [run] }) => ({
    trial,
    run: localRuns(path.join(folder, 'read', run ?? ''))[0],
  }));
  const [both, other, one] = runs.toSorted((a, b) => a.trial - b.trial).map(({ run }) => run?.result);
  expect([both?.layers[0], one?.layers[0]]).toEqual([2, 1]);
  expect(other?.dataDigest).not.toBe(both?.dataDigest);
  await expect(swept({ spec: quick, data: table, grid: { dataset: ['own', 'mnist'] } }, 'mixed')).rejects.toThrow(
    'data were given for the sweep, but a setting has dataset mnist',
  );
});

it('test accuracies are those of test samples', async () => {
  const small = { layers: [784, 8, 8], trainSamples: 200, testSamples: 50, epochs: 1, splits: 1 };
  const [held] = await swept({ spec: small }, 'held');
  expect([held?.measuredOn, held?.accuracies.length, held?.testAccuracies]).toEqual(['validation', 1, []]);
  const [own] = await swept({ spec: quick, data: table }, 'own');
  expect([own?.measuredOn, own?.testAccuracies.length]).toEqual(['validation', 1]);
  const [all] = await swept({ spec: { ...quick, validationShare: 0 }, data: table }, 'all');
  expect([all?.measuredOn, all?.accuracies]).toEqual(['test', all?.testAccuracies]);
});

it('a folder that is none, or of a run, and a result that is damaged are named', async () => {
  writeFileSync(path.join(folder, 'a-file'), '');
  await expect(swept({ spec: quick, data: table }, 'a-file/x')).rejects.toThrow(
    /^cannot make the sweep folder .*a-file/,
  );
  await expect(swept({ spec: quick, data: table }, 'a-file')).rejects.toThrow('there is a file of that name');
  const [row] = await swept({ spec: quick, data: table }, 'damaged');
  const run = path.join('damaged', row?.runs[0] ?? '');
  await expect(swept({ spec: quick, data: table }, run)).rejects.toThrow('is the folder of a run');
  writeFileSync(path.join(folder, run, 'result.json'), '{"testAcc');
  await expect(swept({ spec: quick, data: table }, 'damaged')).rejects.toThrow(/result\.json is damaged/);
});
