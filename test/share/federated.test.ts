/** Federated runs with files that are picked in a page: the bits of one machine, and nothing of the files on the way. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { RandomStream } from '../../src/random.js';
import { train, trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { TestBrowser } from '../../tools/browser.js';
import { Fleet } from '../cluster/fleet.js';
import type { TestServer } from '../cluster/server.js';
import { shared, until } from './helpers.js';
import { Proxy } from './proxy.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-sites-'));
const fleet = new Fleet();
let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.start();
});
afterEach(async () => {
  await fleet.end();
  expect(browser.complaints).toEqual([]);
});
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

async function federated(at: TestServer, data: string, spec: PartialSpec): Promise<string> {
  const cluster = { server: { server: at.url }, run: 'test', leaseMs: 1500 };
  for await (const event of train({ data, spec, variant: 'federated', nodes: 2, cluster }))
    if (event.type === 'finished') return event.result.modelDigest;
  throw new Error('the run did not finish');
}

it('a tab with a table beside a native node; a file that does not fit is told apart', async () => {
  const table = (name: string, classes: number, rows: number, seed: number): string => {
    const random = new RandomStream(seed, 'test', 6);
    const lines = Array.from(
      { length: rows },
      (_, i) => `${random.below(100) + 60 * (i % classes)},${random.below(50)},kind ${i % classes}`,
    );
    const file = path.join(folder, name);
    writeFileSync(file, `x,y,kind\n${lines.join('\n')}\n`);
    return file;
  };
  const held = table('held.csv', 3, 120, 1);
  const [one, two, other] = [table('a.csv', 3, 200, 2), table('b.csv', 3, 260, 3), table('c.csv', 4, 100, 4)];
  const spec: PartialSpec = { layers: [2, 16, 16], epochs: 4, splits: 4, batch: 20, shards: 2 };
  const alone = await trainToEnd({ data: held, spec, shardDirs: [one, two] });

  const at = await fleet.server();
  const following = federated(at, held, spec);
  const { url } = await shared(fleet, at);
  const proxy = await Proxy.start(Number(new URL(url).port));
  fleet.atEnd(() => proxy.close());
  fleet.node(at, '--run', 'test', '--data', two, '--slot', '2');
  const page = await browser.open(url.replace(new URL(url).port, String(proxy.port)));
  const join = page.getByRole('button', { name: 'Join the run' });
  await page.getByLabel('Table to train on').setInputFiles(other);
  await page.getByLabel('Slot').selectOption('0');
  await join.click();
  await page.getByText('c.csv: 25 of 100 samples are of classes that are not known: kind 3 (25)').waitFor();
  await page.getByRole('button', { name: 'Choose again' }).click();
  await page.getByLabel('Table to train on').setInputFiles(one);
  await page.getByLabel('Slot').selectOption('0');
  await join.click();
  await page.getByText('Read 200 samples; they stay in this browser.').waitFor();
  expect(await following).toBe(alone.modelDigest);
  await until(async () => (await page.locator('.status').textContent()) === 'finished');
  await page.close();
  const { sent } = proxy;
  expect(sent.includes('"key":"task.c0.l0"')).toBe(true);
  for (const line of readFileSync(one, 'utf8').trim().split('\n')) expect(sent.includes(line)).toBe(false);
  expect(sent.includes('a.csv')).toBe(false);
});
