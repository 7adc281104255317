/** Tabs that come and go as tabs do: closed, in the background, on battery, asleep with the computer. The bits stay those of one machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { trainToEnd } from '../../src/run/train.js';
import { TestBrowser } from '../../tools/browser.js';
import { Fleet, follow } from '../cluster/fleet.js';
import { sleep } from '../cluster/server.js';
import { joined, shared, spec, tile, until, writeNoise } from './helpers.js';
import { Proxy } from './proxy.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-tabs-'));
const dataDir = writeNoise(path.join(folder, 'noise'), 1000);
const short = { ...spec, epochs: 24, splits: 24 };
const long = { ...spec, epochs: 50, splits: 50 };
const digestOf = async (asked: typeof spec): Promise<string> =>
  (await trainToEnd({ spec: asked, dataDir, threadsPerNode: 1 })).modelDigest;
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

/** What the browser's own tabs and the battery do, a browser without a screen does not: `show` and `plug` do it. Before the page is loaded. */
async function withBackground(page: Page): Promise<void> {
  await page.addInitScript(`
    const battery = Object.assign(new EventTarget(), { charging: true });
    let visible = 'visible';
    Object.defineProperty(document, 'visibilityState', { get: () => visible });
    Object.defineProperty(document, 'hidden', { get: () => visible === 'hidden' });
    navigator.getBattery = () => Promise.resolve(battery);
    globalThis.show = (how) => {
      visible = how;
      document.dispatchEvent(new Event('visibilitychange'));
    };
    globalThis.plug = (charging) => {
      battery.charging = charging;
      battery.dispatchEvent(new Event('chargingchange'));
    };
  `);
}

/** A page that has joined, and pauses in the background. */
async function joinedWithBackground(url: string): Promise<Page> {
  const page = await browser.open('about:blank');
  await withBackground(page);
  await page.goto(url);
  await page.getByLabel('Pause while this tab is in the background').check();
  await page.getByRole('button', { name: 'Join the run' }).click();
  return page;
}

const contributed = async (page: Page): Promise<number> => Number(await tile(page, 'Contributed'));
const status = (page: Page, text: string): Promise<void> => page.locator('.status', { hasText: text }).waitFor();

it('a tab that is closed while it takes part is not waited for, however long its lease', async () => {
  const at = await fleet.server();
  const following = follow({ server: at.url }, {}, { spec: long, nodes: 2, dataDir, leaseMs: 600_000 });
  const { url, pff } = await shared(fleet, at, '--data-dir', dataDir);
  const closing = await joined(browser, url);
  await until(async () => (await contributed(closing)) >= 1);
  // As a person closes it: then the browser says that it goes away.
  await closing.close({ runBeforeUnload: true });
  await until(
    () => pff.text.includes('has closed the page'),
    () => pff.text,
  );
  // Only now: of two at once, a fast one would be done with the run before anything happened to the other.
  const staying = await joined(browser, url);
  expect((await following).digest).toBe(await digestOf(long));
  await status(staying, 'finished');
  await staying.close();
});

it('a tab pauses in the background and on battery: it gives its task back, takes none, says why, and goes on by itself', async () => {
  const at = await fleet.server();
  const following = follow({ server: at.url }, {}, { spec: short, nodes: 1, dataDir, leaseMs: 600_000 });
  const { url, pff } = await shared(fleet, at, '--data-dir', dataDir);
  const page = await browser.open('about:blank');
  await withBackground(page);
  await page.goto(url);
  await page.getByLabel('Pause while this tab is in the background').check();
  expect(await page.getByLabel('Pause while the computer runs on battery').isChecked()).toBe(true);
  await page.getByRole('button', { name: 'Join the run' }).click();
  await until(async () => (await contributed(page)) >= 2);
  const pausedFor = async (pause: string, sentence: string, goOn: string): Promise<void> => {
    await page.evaluate(pause);
    await status(page, 'paused');
    await page.getByText(sentence).waitFor();
    const before = await contributed(page);
    // Nobody has this run's task now: another node could take it at once.
    expect(await tile(page, 'Now')).toBe('–');
    await sleep(700);
    expect(await contributed(page)).toBe(before);
    await page.evaluate(goOn);
    await status(page, 'taking part');
    await until(async () => (await contributed(page)) > before);
  };
  await pausedFor("show('hidden')", 'It goes on by itself once this tab is in the foreground.', "show('visible')");
  await pausedFor('plug(false)', 'It goes on by itself once the computer is plugged in.', 'plug(true)');
  // Whoever wants to leave meanwhile can; then nothing goes on by itself.
  await page.evaluate("show('hidden')");
  await status(page, 'paused');
  await page.getByRole('button', { name: 'Leave the run' }).click();
  await page.getByText('This browser takes no part now.').waitFor();
  await page.evaluate("show('visible')");
  await sleep(300);
  expect(await page.locator('.status').textContent()).toBe('left');
  // Coming back while hidden waits, too.
  await page.evaluate("show('hidden')");
  await page.getByRole('button', { name: 'Join again' }).click();
  await status(page, 'paused');
  await page.evaluate("show('visible')");
  expect((await following).digest).toBe(await digestOf(short));
  expect(pff.text).not.toContain('refused');
  await page.close();
});

it('a computer sleeps for longer than the lease, and loses its connection: others go on, and the tab joins again', async () => {
  const at = await fleet.server();
  const following = follow({ server: at.url }, {}, { spec: long, nodes: 2, dataDir });
  const { url } = await shared(fleet, at, '--data-dir', dataDir);
  const proxy = await Proxy.start(Number(new URL(url).port));
  fleet.atEnd(() => proxy.close());
  const sleeping = await TestBrowser.start();
  fleet.atEnd(() => sleeping.close());
  const staying = await joinedWithBackground(url);
  await until(async () => (await contributed(staying)) >= 1);
  // It only works where the test is about its work: a fast machine would be done with the run before anything happened.
  const show = async (how: 'visible' | 'hidden', then: string): Promise<void> => {
    await staying.evaluate(`show('${how}')`);
    await status(staying, then);
  };
  await show('hidden', 'paused');
  const page = await joined(sleeping, url.replace(new URL(url).port, String(proxy.port)));
  await until(async () => (await contributed(page)) >= 1);
  const wake = await sleeping.sleep();
  try {
    proxy.cut();
    const before = await contributed(staying);
    // The lease is 1.5 s; then the other one has the tasks of both.
    await sleep(3500);
    await show('visible', 'taking part');
    await until(async () => (await contributed(staying)) > before + 2);
    await show('hidden', 'paused');
    proxy.mend();
  } finally {
    wake();
  }
  const before = await contributed(page);
  await status(page, 'taking part');
  await until(async () => (await contributed(page)) > before);
  await staying.evaluate("show('visible')");
  expect((await following).digest).toBe(await digestOf(long));
  await status(page, 'finished');
  await status(staying, 'finished');
  for (const each of [page, staying]) await each.close();
});
