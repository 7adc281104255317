/** The WebGPU kernels in a real browser, on SwiftShader: the pinned bits of the CPU, with and without shared memory; and no GPU. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBrowser } from '../../tools/browser.js';
import { SOFTWARE_GPU } from '../../tools/chromium.js';
import { golden } from '../kernels/golden.js';
import type { Shape } from '../kernels/layers.js';
import { bundled, served } from './pages.js';

let server: Server;
beforeAll(async () => {
  server = await served(await bundled('webgpu-entry.ts'));
});
afterAll(() => void server.close());

async function opened(browser: TestBrowser, path: string): Promise<Page> {
  const page = await browser.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  await page.waitForFunction('globalThis.trajectories !== undefined');
  return page;
}

const shape: Shape = {
  prefix: 35,
  suffix: 4,
  outputs: 33,
  batch: 9,
  variants: 2,
  activation: 'relu',
  delta: 'values',
  optimizer: 'sgd',
  gather: true,
  seed: 7,
  steps: 2,
};

it('has the golden trajectories, and the bits of the reference', { timeout: 120_000 }, async () => {
  const browser = await TestBrowser.start(...SOFTWARE_GPU);
  const plain = await opened(browser, '/plain');
  expect(await plain.evaluate('taken()')).toBe('webgpu/google swiftshader in integer arithmetic');
  for (const precision of ['bf16', 'bf16-tile'] as const)
    expect(await plain.evaluate(`trajectories(${JSON.stringify(precision)})`)).toEqual(golden[precision]);
  await plain.close();
  const isolated = await opened(browser, '/isolated');
  expect(await isolated.evaluate(`difference('f32', ${JSON.stringify(shape)})`)).toBeUndefined();
  await isolated.close();
  expect(browser.complaints).toEqual([]);
  await browser.close();
});

it('says in one line that a browser has no GPU', async () => {
  const browser = await TestBrowser.start();
  const page = await opened(browser, '/plain');
  expect(await page.evaluate('taken()')).toMatch(/^there is no GPU for webgpu kernels: /);
  await browser.close();
});
