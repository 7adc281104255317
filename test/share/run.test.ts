/** Browsers that take part in a run: beside native nodes, while nodes and tabs go away, with the bits of one machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { fromHex, signerFromSeed } from '../../src/audit/identity.js';
import { runStatus } from '../../src/run/cluster/manage.js';
import { trainToEnd } from '../../src/run/train.js';
import { TestBrowser } from '../../tools/browser.js';
import { Fleet, follow } from '../cluster/fleet.js';
import { joined, shared, spec, tile, until, writeNoise } from './helpers.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-share-'));
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

it('two native nodes and two tabs, of which a node is killed and a tab closed: the bits of one machine', async () => {
  const dataDir = writeNoise(path.join(folder, 'noise'), 2000);
  // So long that the native nodes come in time.
  const long = { ...spec, epochs: 120, splits: 60 };
  const sequential = (await trainToEnd({ spec: long, dataDir, threadsPerNode: 1 })).modelDigest;
  const at = await fleet.server();
  const following = follow({ server: at.url }, {}, { spec: long, nodes: 4, dataDir });
  const { pff, url } = await shared(fleet, at, '--data-dir', dataDir);
  // First the tabs, so that they hold slots: native nodes are much faster.
  const [staying, closing] = await Promise.all([joined(browser, url), joined(browser, url)]);
  for (const page of [staying, closing]) await page.locator('.status', { hasText: 'taking part' }).waitFor();
  const nodes = [fleet.node(at, '--data-dir', dataDir), fleet.node(at, '--data-dir', dataDir)] as const;
  await until(
    () => nodes[1].text.includes('done'),
    () => nodes[1].text + pff.text,
  );
  await until(
    async () => Number(await tile(closing, 'Contributed')) >= 2,
    () => pff.text,
  );
  await Promise.all([closing.close(), nodes[1].end()]);
  const { digest } = await following;
  expect(digest).toBe(sequential);
  await staying.locator('.status', { hasText: 'finished' }).waitFor();
  expect(Number(await tile(staying, 'Contributed'))).toBeGreaterThan(2);
  expect(await pff.exited).toBe(0);
  expect(pff.out).toContain('run test is finished');
  expect(browser.strangers).toEqual([]);
  expect(browser.complaints).toEqual([]);
});

it('an audited run of a native node and a tab: each checks the other by its key', async () => {
  const dataDir = writeNoise(path.join(folder, 'audited'), 100);
  const small = { ...spec, epochs: 3, splits: 3 };
  const sequential = (await trainToEnd({ spec: small, dataDir, threadsPerNode: 1 })).modelDigest;
  const at = await fleet.server();
  const key = (name: string): string => path.join(folder, `${name}.key`);
  const following = follow({ server: at.url }, {}, { spec: small, nodes: 2, dataDir, audit: 1, key: key('owner') });
  const { url } = await shared(fleet, at, '--data-dir', dataDir);
  const node = fleet.node(at, '--run', 'test', '--data-dir', dataDir, '--key', key('node'));
  // A tab that came first and did all tasks would have nothing to check.
  await until(
    () => node.text.includes('done'),
    () => node.text,
  );
  const page = await joined(browser, url);
  expect((await following).digest).toBe(sequential);
  await page
    .getByText(/^chapter \d, layer \d: checked$/)
    .first()
    .waitFor();
  const kept = await page.evaluate("localStorage.getItem('pff-node-key')");
  const { key: tabs } = signerFromSeed(fromHex(kept as string));
  const { audits } = await runStatus({ server: at.url }, 'test');
  expect(audits).toMatchObject({ open: [], disputes: [] });
  expect(audits?.checked).toBeGreaterThanOrEqual(9);
  expect(audits?.keys.find((each) => each.key === tabs)).toMatchObject({ refused: false });
  await page.close();
});
