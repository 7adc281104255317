/** The portable core in a real browser: bundled by Vite, trained on the reference kernels, the bits of Node.js. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainToEnd } from '../../src/run/train.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';
import { TestBrowser } from '../../tools/browser.js';
import type { Asked, Trained } from './entry.js';
import { bundled, served } from './pages.js';

const objectives: readonly [string, Asked['spec']][] = [
  ['RandomNEG-Softmax', { negatives: 'random', classifier: 'softmax', epochs: 2 }],
  ['predicted labels, bf16 on the way', { negatives: 'sampled', wire: 'bf16', epochs: 2 }],
  ['Mono-Forward with dropout on shifted images', { objective: 'mono-forward', dropout: 0.2, shift: 1, epochs: 2 }],
];
const variants: readonly [Asked['variant'], number][] = [
  ['sequential', 1],
  ['all-layers', 2],
];

let browser: TestBrowser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([bundled('entry.ts').then(served), TestBrowser.start()]);
});
afterAll(async () => {
  await browser.close();
  server.close();
});

async function opened(path: string): Promise<Page> {
  const page = await browser.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  await page.waitForFunction('globalThis.train !== undefined');
  return page;
}

function trained(page: Page, asked: Asked): Promise<Trained> {
  return page.evaluate(`globalThis.train(${JSON.stringify(asked)})`);
}

describe.each(objectives)('%s', (_, spec) => {
  it('has in a page the bits of Node.js, on one node and on two in one tab', async () => {
    const dataset = toyDataset();
    const page = await opened('/isolated');
    for (const [variant, nodes] of variants) {
      const here = await trainToEnd({ spec: toySpec(spec), variant, nodes, threadsPerNode: 1 }, dataset);
      const there = await trained(page, { spec, variant, nodes });
      expect(there).toMatchObject({ modelDigest: here.modelDigest, dataDigest: dataset.digest, memoryIsShared: true });
      expect(there.tasks).toBeGreaterThanOrEqual(here.splits * 3);
    }
    await page.close();
    expect(browser.strangers).toEqual([]);
    expect(browser.complaints).toEqual([]);
  });
});

describe('a page that may not share memory', () => {
  it('trains all the same, in memory of its own', async () => {
    const page = await opened('/plain');
    const [, spec] = objectives[0] as (typeof objectives)[number];
    const asked: Asked = { spec, variant: 'all-layers', nodes: 2 };
    const here = await trainToEnd({ spec: toySpec(spec), threadsPerNode: 1 }, toyDataset());
    const there = await trained(page, asked);
    expect(there).toMatchObject({ modelDigest: here.modelDigest, memoryIsShared: false });
    await page.close();
  });
});
