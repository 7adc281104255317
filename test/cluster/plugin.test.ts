/**
 * A run with parts of a plugin, on nodes that have loaded it, that have not, and that have another one.
 * Own process: it registers parts.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import type { RunStatus } from '../../src/run/cluster/manage.js';
import { trainToEnd } from '../../src/run/train.js';
import { Fleet } from './fleet.js';
import { sleep } from './server.js';

const fleet = new Fleet();
afterEach(() => fleet.end());

const plugin = fileURLToPath(new URL('../library/my-plugin.mjs', import.meta.url));
const own = { objective: 'my-loss', goodness: 'activity', negatives: 'shifted', schedule: 'staircase', steepness: 2 };
const spec = { ...own, layers: [784, 64, 48], trainSamples: 2000, testSamples: 200, epochs: 4, seed: 3 };
const flags =
  '--objective my-loss --goodness activity --negatives shifted --schedule staircase --steepness 2 --layers 784,64,48 --train-samples 2000 --test-samples 200 --epochs 4 --seed 3';

it(
  'nodes with the plugin give the bits of threads; others are refused on both sides',
  { timeout: 120_000 },
  async () => {
    const threads = await trainToEnd({ spec, plugins: [plugin], nodes: 2, threadsPerNode: 1 });
    const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-plugin-'));
    fleet.atEnd(() => rmSync(folder, { recursive: true, force: true }));
    const at = await fleet.server();
    const out = (name: string): string => path.join(folder, name);
    const pff = (line: string, ...more: string[]): ReturnType<Fleet['pff']> =>
      fleet.pff(...line.split(' '), ...more, '--server', at.url);

    // One that has another goodness of the same name.
    const other = out('other.mjs');
    writeFileSync(other, readFileSync(plugin, 'utf8').replace('out.fill(1 / row.length)', 'out.fill(2 / row.length)'));
    const without = fleet.node(at, '--run', 'own');
    const withOther = fleet.node(at, '--run', 'own', '--plugin', other);
    const train = pff(`train ${flags} --nodes 2 --run own --lease 1.5`, '--plugin', plugin, '--out', out('run'));
    expect(await without.exited).toBe(1);
    expect(without.text).toMatch(/refused: run own has the objective my-loss, which is of a plugin .* not loaded here/);
    expect(await withOther.exited).toBe(1);
    expect(withOther.text).toMatch(
      /refused: the goodness activity of the plugin that is loaded here is not the one that run/,
    );

    const nodes = [fleet.node(at, '--plugin', plugin), fleet.node(at, '--plugin', plugin)];
    expect(await train.exited, train.text + nodes.map(({ text }) => text).join('')).toBe(0);
    expect(train.text).toContain(threads.modelDigest.slice(0, 12));
    expect(train.text).toMatch(/nodes need what run own has of plugins/);
    for (let i = 0; i < 100 && !train.text.includes('not the one that run'); i++) await sleep(20);
    expect(train.text).toMatch(/was refused: run own has the objective my-loss/);
    expect(train.text).toMatch(/was refused: the goodness activity/);

    const status = pff('status own --json');
    expect(await status.exited).toBe(0);
    expect((JSON.parse(status.out) as RunStatus).refused).toHaveLength(2);

    const lost = pff('attach own', '--out', out('lost'));
    expect(await lost.exited).toBe(2);
    expect(lost.text).toMatch(/run own has the objective my-loss, which is of a plugin[^]*--plugin/);
    const attached = pff('attach own --json', '--plugin', plugin, '--out', out('attached'));
    expect(await attached.exited, attached.text).toBe(0);
    expect(JSON.parse(attached.out)).toMatchObject({
      modelDigest: threads.modelDigest,
      testAccuracy: threads.testAccuracy,
    });
    const fetched = pff('fetch own --json', '--out', out('fetched'));
    expect(await fetched.exited, fetched.text).toBe(0);
    expect(JSON.parse(fetched.out)).toMatchObject({ modelDigest: threads.modelDigest, finished: true });
  },
);

it('a node that lacks the data of a run refuses that run, and goes on to others', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-plugin-'));
  fleet.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const dots = fileURLToPath(new URL('../library/dots-plugin.mjs', import.meta.url));
  const at = await fleet.server();
  const train = (run: string, ...more: string[]): ReturnType<Fleet['pff']> =>
    fleet.pff('train', '--server', at.url, '--run', run, '--out', path.join(folder, run), ...more);
  const lacking = fleet.node(at);
  const dotted = train('own', '--plugin', dots, '--dataset', 'dots', '--layers', '4,8,8', '--epochs', '2');
  for (let i = 0; i < 500 && !dotted.text.includes('was refused'); i++) await sleep(20);
  expect(dotted.text).toMatch(/was refused: the data of run own is not here: unknown dataset "dots"/);
  const usual = train(
    'usual',
    '--layers',
    '784,16,16',
    '--train-samples',
    '500',
    '--test-samples',
    '50',
    '--epochs',
    '2',
  );
  expect(await usual.exited, usual.text + lacking.text).toBe(0);
  fleet.node(at, '--plugin', dots);
  expect(await dotted.exited, dotted.text).toBe(0);
});
