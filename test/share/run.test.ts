/** Browsers that take part in a run: beside native nodes, while nodes and tabs go away, with the bits of one machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
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
  const sequential = (await trainToEnd({ spec, dataDir, threadsPerNode: 1 })).modelDigest;
  const at = await fleet.server();
  const following = follow({ server: at.url }, {}, { spec, nodes: 4, dataDir });
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
