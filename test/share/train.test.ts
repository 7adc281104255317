/** `pff train --share`: one command that submits a run, offers it to browsers, follows it and ends; and what it refuses. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { RunResult } from '../../src/run/events.js';
import { trainToEnd } from '../../src/run/train.js';
import { TestBrowser } from '../../tools/browser.js';
import { Fleet } from '../cluster/fleet.js';
import type { Pff } from '../cluster/server.js';
import { joined, spec, tile, until, writeNoise } from './helpers.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-train-share-'));
const dataDir = writeNoise(path.join(folder, 'noise'), 200);
const fleet = new Fleet();
let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.start();
});
afterEach(async () => fleet.end());
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

const setting = (splits: number): string[] => [
  ...`--dataset idx --layers 64,32,32,24 --epochs ${splits} --splits ${splits} --batch 16 --seed 4`.split(' '),
  '--data-dir',
  dataDir,
];

const linkOf = async (pff: Pff): Promise<string> =>
  until(
    () => /browsers take part at (http:\S+)/.exec(pff.text)?.[1],
    () => pff.text,
  );

it('trains with the help of a tab only, and ends when the run does', async () => {
  const small = { ...spec, epochs: 6, splits: 6 };
  const { modelDigest } = await trainToEnd({ spec: small, dataDir, threadsPerNode: 1 });
  const at = await fleet.server();
  const [out, to] = [path.join(folder, 'run'), ['--server', at.url, '--nodes', '2', '--share', '--port', '0']];
  const pff = fleet.pff('train', ...to, ...setting(6), '--out', out, '--json');
  const page = await joined(browser, await linkOf(pff));
  expect(await pff.exited).toBe(0);
  expect((JSON.parse(pff.out) as RunResult).modelDigest).toBe(modelDigest);
  await page.locator('.status', { hasText: 'finished' }).waitFor();
  // Three layers in six chapters, and the negative labels of all chapters but the first.
  expect(Number(await tile(page, 'Contributed'))).toBe(6 * 3 + 5);
  expect(pff.text).toContain('browser 1 is connected');
  expect(browser.complaints).toEqual([]);
  await page.close();
});

it('Ctrl-C detaches from the run, tells the tab, and says how browsers take part again', async () => {
  const at = await fleet.server();
  const to = ['--server', at.url, '--run', 'test', '--share', '--port', '0'];
  const pff = fleet.pff('train', ...to, ...setting(2000), '--out', path.join(folder, 'detached'));
  const page = await joined(browser, await linkOf(pff));
  await until(async () => Number(await tile(page, 'Contributed')) >= 1);
  pff.child.kill('SIGINT');
  await page.getByText('whoever shared the run has ended that').waitFor();
  expect(await pff.exited).toBe(130);
  expect(pff.text).toContain(`browsers cannot take part any more; pff share test --server ${at.url} lets them`);
  await page.close();
});

it('a run that browsers cannot take part in goes on without them', async () => {
  const at = await fleet.server();
  const to = ['--server', at.url, '--nodes', '1', '--variant', 'federated', '--share', '--port', '0'];
  const pff = fleet.pff('train', ...to, ...setting(2), '--run', 'test', '--out', path.join(folder, 'without'));
  await until(() => pff.text.includes('no browsers can take part: run test is on idx, but browsers read data'));
  expect(pff.text).toContain(`The run goes on; pff share test --server ${at.url} tries again.`);
  pff.child.kill('SIGINT');
  expect(await pff.exited).toBe(130);
});

it.each([
  [['--share'], '--share lets browsers take part in a run of a cluster, but no --server was named'],
  [['--server', 'x', '--browsers', '2'], '--browsers is of the link for browsers, but --share was not given'],
  [['--server', 'x', '--share', '--https-cert', 'a'], 'HTTPS takes a certificate and its key'],
  [['--server', 'x', '--share', '--port', '70000'], '--port must be at most 65535'],
  [['--server', 'x', '--share', '--open', '--port', '8400'], '--port cannot be of two pages'],
  [['--server', 'x', '--share', '--init', 'model'], 'browsers have not got the model that --init begins with'],
])('refuses %j before anything is sent', async (args, text) => {
  const pff = fleet.pff('train', ...args);
  expect(await pff.exited).toBe(2);
  expect(pff.text).toContain(text);
});
