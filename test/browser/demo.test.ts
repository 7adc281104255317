/** The demo and the library in a real browser: it trains in a worker with the bits of Node.js, and reads what is drawn. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoApp } from '../../src/page/demo/demo-app.js';
import { demoFiles } from '../../src/page/demo/demo-files.js';
import { trainToEnd } from '../../src/run/train.js';
import { TestBrowser } from '../../tools/browser.js';

const SAMPLES = 1200;
const SPEC = {
  layers: [784, 400, 400],
  objective: 'pred',
  batch: 32,
  epochs: 2,
  splits: 2,
  trainSamples: SAMPLES,
  testSamples: SAMPLES,
};
let browser: TestBrowser;
let digest: string;
const servers: Server[] = [];

function served(app: ReturnType<typeof demoApp>): Promise<string> {
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    ) as Server;
    servers.push(server);
  });
}

beforeAll(async () => {
  browser = await TestBrowser.start();
  digest = (await trainToEnd({ spec: SPEC, threadsPerNode: 1 })).modelDigest;
}, 120_000);
afterAll(async () => {
  await browser.close();
  for (const server of servers) server.close();
});

async function trained(page: Page): Promise<string | null> {
  await page.getByRole('button', { name: 'Train' }).click();
  const done = page.locator('html[data-digest]');
  await done.waitFor({ state: 'attached', timeout: 90_000 });
  return done.getAttribute('data-digest');
}

describe.each([true, false])('the demo where memory may be shared: %s', (isolated) => {
  it('trains with the bits of Node.js, and reads a drawn digit', async () => {
    const page = await browser.open(`${await served(demoApp(await demoFiles(), isolated))}?samples=${SAMPLES}`);
    expect(await page.evaluate('crossOriginIsolated')).toBe(isolated);
    expect(await trained(page)).toBe(digest);
    await page.getByText('computes with WebAssembly').waitFor();
    await page.getByText(isolated ? 'memory shared' : 'memory not shared').waitFor();
    // A one, by mouse.
    const box = await page.locator('canvas.pad').boundingBox();
    if (!box) throw new Error('there is no pad');
    await page.mouse.move(box.x + 140, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + 140, box.y + 220, { steps: 8 });
    await page.mouse.up();
    await page.getByText(/The network reads a 1/).waitFor();
    // And by keyboard, after it was cleared.
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('Nothing is drawn yet.').waitFor();
    await page.locator('canvas.pad').focus();
    await page.keyboard.press(' ');
    for (let i = 0; i < 14; i++) await page.keyboard.press('ArrowDown');
    await page.getByText(/The network reads a /).waitFor();
    await page.close();
    expect(browser.strangers).toEqual([]);
    expect(browser.complaints).toEqual([]);
  }, 120_000);
});

it('without WebAssembly SIMD it says so, and gets the same bits slowly', async () => {
  const files = new Map(await demoFiles());
  // As a browser that knows neither.
  const without = new TextEncoder().encode('WebAssembly.validate = () => false;\n');
  for (const name of [...files.keys()].filter((each) => /background.*\.js$/.test(each)))
    files.set(name, new Uint8Array(Buffer.concat([without, files.get(name) as Uint8Array])));
  const page = await browser.open(`${await served(demoApp(files))}?samples=60`);
  const few = await trainToEnd({ spec: { ...SPEC, trainSamples: 60, testSamples: 60 }, threadsPerNode: 1 });
  expect(await trained(page)).toBe(few.modelDigest);
  await page.getByText('slow kernels in JavaScript: this engine has no WebAssembly SIMD').waitFor();
  await page.close();
}, 120_000);
