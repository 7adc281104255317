/** What a tab shows where something is missing or goes wrong, and that the run's bits do not change. */
import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { trainToEnd } from '../../src/run/train.js';
import { TestBrowser } from '../../tools/browser.js';
import { Fleet, follow } from '../cluster/fleet.js';
import { joined, shared, spec, submitted, tile, until, writeNoise } from './helpers.js';
import { Proxy } from './proxy.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-bad-'));
const dataDir = writeNoise(path.join(folder, 'noise'), 400);
const fleet = new Fleet();
let browser: TestBrowser;
beforeAll(async () => {
  // A name that is not this machine's own: a page of it is not one of a secure context.
  browser = await TestBrowser.start('--host-resolver-rules=MAP lan.test 127.0.0.1');
});
afterEach(async () => fleet.end());
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

it('over plain HTTP, without storage, offline in the middle, left and joined again: the bits of one machine', async () => {
  const long = { ...spec, epochs: 60, splits: 60 };
  const sequential = (await trainToEnd({ spec: long, dataDir, threadsPerNode: 1 })).modelDigest;
  const at = await fleet.server();
  const following = follow({ server: at.url }, {}, { spec: long, nodes: 2, dataDir });
  const { url } = await shared(fleet, at, '--data-dir', dataDir, '--host', '0.0.0.0');
  const proxy = await Proxy.start(Number(new URL(url).port));
  fleet.atEnd(() => proxy.close());
  const origin = `http://lan.test:${proxy.port}`;
  const page = await browser.open('about:blank');
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1000 });
  await page.goto(`${origin}/${new URL(url).hash}`);
  expect(await page.evaluate('[isSecureContext, typeof SharedArrayBuffer, typeof crypto.subtle]')).toEqual([
    false,
    'undefined',
    'undefined',
  ]);
  await page.getByText('This page came over plain HTTP').waitFor();
  await page.getByLabel('Processor cores to use').fill('2');
  await page.getByRole('button', { name: 'Join the run' }).click();
  await page.getByText('This browser keeps no copy of the dataset').waitFor();
  await until(async () => Number(await tile(page, 'Contributed')) >= 3);

  proxy.cut();
  await page.locator('.status', { hasText: 'no connection' }).waitFor();
  await page.getByText('Trying to reach whoever shares the run').waitFor();
  proxy.mend();
  await page.locator('.status', { hasText: 'taking part' }).waitFor();

  await page.getByRole('button', { name: 'Leave the run' }).click();
  await page.getByText('This browser takes no part now.').waitFor();
  await page.getByRole('button', { name: 'Join again' }).click();
  expect((await following).digest).toBe(sequential);
  await page.locator('.status', { hasText: 'finished' }).waitFor();
  await page.close();
});

it('a wrong link, a link that is used up, a page of another site, and one who shares no more', async () => {
  const at = await fleet.server();
  // So long that it goes on in any case.
  await submitted(at, dataDir, {}, { ...spec, epochs: 2000, splits: 2000 });
  const { url, pff } = await shared(fleet, at, '--data-dir', dataDir, '--browsers', '1');
  const wrong = await browser.open(`${url}x`);
  await wrong.getByRole('alert').getByText('This link is not valid.').waitFor();
  const without = await browser.open(new URL('/', url).href);
  await without.getByRole('alert').getByText('This link is not valid.').waitFor();

  const page = await joined(browser, url);
  await until(async () => Number(await tile(page, 'Contributed')) >= 1);
  expect(page.url()).not.toContain('#');
  await wrong.goto('about:blank');
  // Another browser: it has not got the cookie of the first.
  const others = await TestBrowser.start();
  const second = await others.open(url);
  await second.getByRole('alert').getByText('This link has let in as many browsers as it may.').waitFor();
  await others.close();

  const strangers = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<p>elsewhere'));
  await new Promise<void>((resolve) => {
    strangers.listen(0, '127.0.0.1', resolve);
  });
  fleet.atEnd(() => void strangers.close());
  // The same host on another port: its cookies go along, its origin does not.
  await wrong.goto(`http://127.0.0.1:${(strangers.address() as AddressInfo).port}/`);
  const relay = new URL('/relay', url.replace('http', 'ws')).href;
  expect(
    await wrong.evaluate(`new Promise((resolve) => {
      const socket = new WebSocket(${JSON.stringify(relay)});
      socket.onopen = () => resolve('open');
      socket.onclose = () => resolve('closed');
    })`),
  ).toBe('closed');
  expect(
    await wrong.evaluate(
      `fetch(${JSON.stringify(new URL('/data', url).href)}, { credentials: 'include' }).catch(() => 'refused')`,
    ),
  ).toBe('refused');

  pff.child.kill('SIGINT');
  await page.getByText('whoever shared the run has ended that').waitFor();
  expect(await page.locator('.status').textContent()).toBe('cannot go on');
  expect(await pff.exited).toBe(0);
  await page.close();
});
