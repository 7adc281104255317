/** The WebGPU kernels in a real browser, on SwiftShader: the pinned bits of the CPU, blocks of convolutions, with and without shared memory; and no GPU. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { precisions } from '../../src/kernels/numerics.js';
import { TestBrowser } from '../../tools/browser.js';
import { SOFTWARE_GPU } from '../../tools/chromium.js';
import { golden } from '../kernels/golden.js';
import { casesOfDevices, type TrainedCase } from '../kernels/trained-blocks.js';
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

const smallBlock: TrainedCase = { image: '2x5x5', block: 'conv5s2', batch: 2, labels: 3, variants: 2 };

describe('on SwiftShader', () => {
  let browser: TestBrowser;
  /** One that may not share memory, and one that does. */
  let page: Page;
  let isolated: Page;
  beforeAll(async () => {
    browser = await TestBrowser.start(...SOFTWARE_GPU);
    page = await opened(browser, '/plain');
    isolated = await opened(browser, '/isolated');
  });
  afterAll(() => browser.close());
  afterEach(() => expect(browser.complaints).toEqual([]));

  it('is named with its arithmetic', async () => {
    expect(await page.evaluate('taken()')).toBe('webgpu/google swiftshader in integer arithmetic');
  });

  it.each(precisions)('has the golden trajectories of %s', { timeout: 120_000 }, async (precision) => {
    const where = precision === 'f32' ? isolated : page;
    expect(await where.evaluate(`trajectories(${JSON.stringify(precision)})`)).toEqual(golden[precision]);
  });

  it.each([
    ...casesOfDevices.map((test) => ({ precision: 'bf16-tile' as const, ...test })),
    ...(['f32', 'bf16'] as const).map((precision) => ({ precision, ...smallBlock })),
  ])("has the reference's bits of $image $block, $batch samples, in $precision", async ({ precision, ...test }) => {
    const where = precision === 'f32' ? isolated : page;
    const asked = `${JSON.stringify(precision)}, ${JSON.stringify(test)}`;
    expect(await where.evaluate(`differenceOfBlock(${asked})`)).toBeUndefined();
  });
});

it('says in one line that a browser has no GPU', async () => {
  const browser = await TestBrowser.start();
  const page = await opened(browser, '/plain');
  expect(await page.evaluate('taken()')).toMatch(/^there is no GPU for webgpu kernels: /);
  await browser.close();
});
