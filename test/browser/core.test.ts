/** The portable core in a real browser: bundled by Vite, trained on the reference kernels, the bits of Node.js. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { build, defaultClientConditions } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainToEnd } from '../../src/run/train.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';
import { TestBrowser } from '../../tools/browser.js';
import type { Asked, Trained } from './entry.js';

const objectives: readonly [string, Asked['spec']][] = [
  ['RandomNEG-Softmax', { negatives: 'random', classifier: 'softmax', epochs: 2 }],
  ['predicted labels, bf16 on the way', { negatives: 'sampled', wire: 'bf16', epochs: 2 }],
  ['Mono-Forward with dropout on shifted images', { objective: 'mono-forward', dropout: 0.2, shift: 1, epochs: 2 }],
];
const variants: readonly [Asked['variant'], number][] = [
  ['sequential', 1],
  ['all-layers', 2],
];

let script: string;
let browser: TestBrowser;
let server: Server;

beforeAll(async () => {
  [script, browser, server] = await Promise.all([bundled(), TestBrowser.start(), served()]);
});
afterAll(async () => {
  await browser.close();
  server.close();
});

/** The entry and all that it imports as one script, minified as a page would have it. */
async function bundled(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['pff-source', ...defaultClientConditions] },
    build: {
      write: false,
      target: 'es2023',
      lib: { entry: fileURLToPath(new URL('entry.ts', import.meta.url)), formats: ['es'], fileName: 'entry' },
    },
  });
  const [output] = [built].flat();
  if (!output || !('output' in output)) throw new Error('Vite gave no bundle');
  const chunks = output.output.flatMap((each) => (each.type === 'chunk' ? [each] : []));
  expect(chunks.flatMap(({ imports }) => imports)).toEqual([]);
  expect(chunks.flatMap(({ moduleIds }) => moduleIds).filter((id) => /external|platform\/node/.test(id))).toEqual([]);
  return chunks.map(({ code }) => code).join('\n');
}

/** Two pages: /isolated may share memory, /plain may not. */
async function served(): Promise<Server> {
  const pages = createServer(({ url }, response) => {
    if (url === '/entry.js') response.setHeader('content-type', 'text/javascript').end(script);
    else if (url === '/favicon.ico') response.writeHead(204).end();
    else {
      response.setHeader('content-type', 'text/html');
      if (url === '/isolated') {
        response.setHeader('cross-origin-opener-policy', 'same-origin');
        response.setHeader('cross-origin-embedder-policy', 'require-corp');
      }
      response.end('<!doctype html><title>core</title><script type="module" src="/entry.js"></script>');
    }
  });
  await new Promise<void>((resolve) => {
    pages.listen(0, '127.0.0.1', resolve);
  });
  return pages;
}

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
