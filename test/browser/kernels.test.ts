/** The WebAssembly kernels in a real browser: the pinned bits of Node.js, by one instruction and in software, with and without shared memory. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { precisions } from '../../src/kernels/numerics.js';
import { TestBrowser } from '../../tools/browser.js';
import { golden } from '../kernels/golden.js';
import type { Shape } from '../kernels/layers.js';
import { bundled, served } from './pages.js';

let browser: TestBrowser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([bundled('kernels-entry.ts').then(served), TestBrowser.start()]);
});
afterAll(async () => {
  await browser.close();
  server.close();
});

async function opened(path: string): Promise<Page> {
  const page = await browser.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  await page.waitForFunction('globalThis.trajectories !== undefined');
  return page;
}

const builds = ['fused', 'exact'] as const;
const cases = ['/isolated', '/plain'].flatMap((path) => builds.map((build) => ({ path, build })));

const shapes: fc.Arbitrary<Shape> = fc.record({
  prefix: fc.integer({ min: 1, max: 50 }),
  suffix: fc.integer({ min: 0, max: 11 }),
  outputs: fc.integer({ min: 1, max: 50 }),
  batch: fc.integer({ min: 1, max: 33 }),
  variants: fc.integer({ min: 1, max: 3 }),
  activation: fc.constantFrom('relu' as const, 'linear' as const),
  delta: fc.constantFrom('rowScale' as const, 'values' as const),
  optimizer: fc.constantFrom('adam' as const, 'sgd' as const),
  gather: fc.boolean(),
  seed: fc.nat(),
  steps: fc.integer({ min: 1, max: 2 }),
});

describe.each(cases)('the $build build on $path', ({ path, build }) => {
  it('has the golden trajectories, and the bits of the reference on random shapes', async () => {
    const page = await opened(path);
    for (const precision of precisions) {
      const [text, name] = [JSON.stringify(build), JSON.stringify(precision)];
      expect(await page.evaluate(`trajectories(${text}, ${name})`)).toEqual(golden[precision]);
      for (const shape of fc.sample(shapes, { numRuns: 6, seed: 1 }))
        expect(await page.evaluate(`difference(${text}, ${name}, ${JSON.stringify(shape)})`)).toBeUndefined();
    }
    await page.close();
    expect(browser.complaints).toEqual([]);
  });
});

it('a browser that does not know relaxed SIMD takes the exact build, one without SIMD says so', async () => {
  const page = await opened('/isolated');
  expect(await page.evaluate('taken()')).toBe('fused');
  await page.close();
  const answers: readonly [validate: string, expected: string][] = [
    // The module of relaxed SIMD has three splats; that of SIMD, one.
    ['(bytes) => bytes.length < 40', 'exact'],
    ['() => false', 'this engine has no WebAssembly SIMD'],
  ];
  for (const [validate, expected] of answers) {
    const without = await opened('/isolated');
    await without.evaluate(`WebAssembly.validate = ${validate}`);
    expect(await without.evaluate('taken()')).toBe(expected);
    await without.close();
  }
});
