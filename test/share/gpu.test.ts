/** A tab that computes on a GPU (SwiftShader) beside a native node: the bits of one machine; and what the page says of the GPU. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { trainToEnd } from '../../src/run/train.js';
import { TestBrowser } from '../../tools/browser.js';
import { SOFTWARE_GPU } from '../../tools/chromium.js';
import { Fleet, follow } from '../cluster/fleet.js';
import { shared, spec, tile, unlessFailed, until, writeNoise } from './helpers.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-share-gpu-'));
const fleet = new Fleet();
afterEach(() => fleet.end());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it(
  'a tab with a GPU and a native node; the page says which GPU, or why there is none',
  { timeout: 120_000 },
  async () => {
    const dataDir = writeNoise(path.join(folder, 'noise'), 60);
    const small = { ...spec, layers: [64, 12, 10], epochs: 4, splits: 4, precision: 'bf16' as const };
    const sequential = (await trainToEnd({ spec: small, dataDir, threadsPerNode: 1 })).modelDigest;
    const at = await fleet.server();
    const following = follow({ server: at.url }, {}, { spec: small, nodes: 2, dataDir, leaseMs: 20_000 });
    const { pff, url } = await shared(fleet, at, '--data-dir', dataDir);

    const without = await TestBrowser.start();
    fleet.atEnd(() => without.close());
    const cpu = await without.open(url);
    await cpu.getByText(/^no GPU: /).waitFor();
    expect(await cpu.getByLabel('Compute with').inputValue()).toBe('auto');
    expect(await cpu.locator('#arithmetic option[value=webgpu]').isDisabled()).toBe(true);
    await cpu.close();

    const browser = await TestBrowser.start(...SOFTWARE_GPU);
    fleet.atEnd(() => browser.close());
    const page = await browser.open(url);
    await page.getByText('this GPU is software and slow').waitFor();
    // Which is why it is not what is taken by itself.
    expect(await page.getByLabel('Compute with').inputValue()).toBe('auto');
    await page.getByLabel('Compute with').selectOption({ label: 'GPU (google swiftshader)' });
    await page.getByRole('button', { name: 'Join the run' }).click();
    const contributed = async (): Promise<number> => Number(await tile(page, 'Contributed'));
    const more = (): string => pff.text;
    await unlessFailed(
      until(async () => (await contributed()) >= 1, more, 60_000),
      [page],
    );
    expect(await tile(page, 'Kernels')).toBe('webgpu/google swiftshader in integer arithmetic');
    fleet.node(at, '--data-dir', dataDir);
    expect((await unlessFailed(following, [page])).digest).toBe(sequential);
    expect(browser.complaints).toEqual([]);
  },
);
