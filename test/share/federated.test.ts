/** Federated runs with files that are picked in a page: the bits of one machine, and nothing of the files on the way. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import jpegEncode, { init as initJpeg } from '@jsquash/jpeg/encode.js';
import webpEncode, { init as initWebp } from '@jsquash/webp/encode.js';
import { PNG } from 'pngjs';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { RandomStream } from '../../src/random.js';
import { train, trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { TestBrowser } from '../../tools/browser.js';
import { Fleet } from '../cluster/fleet.js';
import type { TestServer } from '../cluster/server.js';
import { wasmOf } from '../data/wasm.js';
import { shared, unlessFailed, until } from './helpers.js';
import { Proxy } from './proxy.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-sites-'));
const fleet = new Fleet();
let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.start();
  await initJpeg(wasmOf('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm'));
  await initWebp(wasmOf('@jsquash/webp/codec/enc/webp_enc.wasm'));
});
afterEach(async () => {
  await fleet.end();
  expect(browser.complaints).toEqual([]);
});
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

const SIDE = 8;

/** Images of noise in a folder for each class, one of them JPEG and one WebP; what the network is given of the others. */
async function writeImages(name: string, seed: number, count: number): Promise<{ place: string; pixels: Buffer[] }> {
  const place = path.join(folder, name);
  const random = new RandomStream(seed, 'test', 5);
  const pixels: Buffer[] = [];
  for (const label of ['left', 'right']) {
    mkdirSync(path.join(place, label), { recursive: true });
    for (let i = 0; i < count; i++) {
      const png = new PNG({ width: SIDE, height: SIDE });
      const grey = Buffer.from(Array.from({ length: SIDE * SIDE }, () => random.below(256)));
      grey.forEach((value, p) => png.data.set([value, value, value, 255], 4 * p));
      if (i === 1 || i === 2) {
        const data = new Uint8ClampedArray(png.data);
        const picture = { width: SIDE, height: SIDE, data, colorSpace: 'srgb' } as Parameters<typeof jpegEncode>[0];
        const encoded = i === 1 ? await jpegEncode(picture) : await webpEncode(picture);
        writeFileSync(path.join(place, label, i === 1 ? '1.jpg' : '2.webp'), new Uint8Array(encoded));
      } else {
        pixels.push(grey);
        writeFileSync(path.join(place, label, `${i}.png`), PNG.sync.write(png));
      }
    }
  }
  return { place, pixels };
}

/** As if the user had picked the folder in the browser's own dialogue, which this browser does not let itself be driven to. */
async function pickFolder(page: Page, place: string): Promise<void> {
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return [];
    const file = path.join(entry.parentPath, entry.name);
    const below = path.relative(path.dirname(place), file).replaceAll(path.sep, '/');
    return [{ below, bytes: readFileSync(file).toString('base64') }];
  });
  await page.getByLabel('Folder of images to train on').waitFor();
  await page.evaluate(`(() => {
    const picked = new DataTransfer();
    for (const { below, bytes } of ${JSON.stringify(files)}) {
      const content = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
      const file = new File([content], below.split('/').at(-1));
      Object.defineProperty(file, 'webkitRelativePath', { value: below });
      picked.items.add(file);
    }
    const input = document.getElementById('files');
    input.files = picked.files;
    input.dispatchEvent(new Event('change'));
  })()`);
}

async function federated(at: TestServer, data: string, spec: PartialSpec): Promise<string> {
  const cluster = { server: { server: at.url }, run: 'test', leaseMs: 1500 };
  for await (const event of train({ data, spec, variant: 'federated', nodes: 2, cluster }))
    if (event.type === 'finished') return event.result.modelDigest;
  throw new Error('the run did not finish');
}

it('two tabs with folders of images: the digest of one machine, and no image leaves them', async () => {
  const held = await writeImages('held', 1, 20);
  const sites = [await writeImages('one', 2, 40), await writeImages('two', 3, 50)] as const;
  const spec: PartialSpec = {
    layers: [SIDE * SIDE, 24, 20],
    epochs: 4,
    splits: 4,
    batch: 16,
    negatives: 'sampled',
    shards: 2,
  };
  const alone = await trainToEnd({ data: held.place, spec, shardDirs: sites.map(({ place }) => place) });

  const at = await fleet.server();
  const following = federated(at, held.place, spec);
  const { url, pff } = await shared(fleet, at);
  const proxy = await Proxy.start(Number(new URL(url).port));
  fleet.atEnd(() => proxy.close());
  const pages = await Promise.all(
    sites.map(async ({ place }, slot) => {
      const page = await browser.open(url.replace(new URL(url).port, String(proxy.port)));
      await pickFolder(page, place);
      await page.getByLabel('Slot').selectOption({ value: String(slot) });
      await page.getByRole('button', { name: 'Join the run' }).click();
      return page;
    }),
  );
  expect(await unlessFailed(following, pages)).toBe(alone.modelDigest);
  for (const page of pages) await page.locator('.status', { hasText: 'finished' }).waitFor();
  expect(await pff.exited).toBe(0);

  const { sent } = proxy;
  // Both took part in the way that is captured, with labels that were sealed.
  expect(sent.length).toBeGreaterThan(100_000);
  expect(sent.includes('"key":"c1.labels.')).toBe(true);
  for (const { pixels, place } of sites) {
    for (const image of pixels)
      for (let row = 0; row < SIDE; row++)
        expect(sent.includes(image.subarray(row * SIDE, (row + 1) * SIDE))).toBe(false);
    for (const name of ['1.jpg', '2.webp'])
      expect(sent.includes(readFileSync(path.join(place, 'left', name)).subarray(-40))).toBe(false);
    expect(sent.includes(path.basename(place) + '/')).toBe(false);
  }
  expect(sent.includes('\u0089PNG')).toBe(false);
  for (const page of pages) await page.close();
});

it('a tab with a table beside a native node; a file that does not fit is told apart', async () => {
  const table = (name: string, classes: number, rows: number, seed: number): string => {
    const random = new RandomStream(seed, 'test', 6);
    const lines = Array.from(
      { length: rows },
      (_, i) => `${random.below(100) + 60 * (i % classes)},${random.below(50)},kind ${i % classes}`,
    );
    const file = path.join(folder, name);
    writeFileSync(file, `x,y,kind\n${lines.join('\n')}\n`);
    return file;
  };
  const held = table('held.csv', 3, 120, 1);
  const [one, two, other] = [table('a.csv', 3, 200, 2), table('b.csv', 3, 260, 3), table('c.csv', 4, 100, 4)];
  const spec: PartialSpec = { layers: [2, 16, 16], epochs: 4, splits: 4, batch: 20, shards: 2 };
  const alone = await trainToEnd({ data: held, spec, shardDirs: [one, two] });

  const at = await fleet.server();
  const following = federated(at, held, spec);
  const { url } = await shared(fleet, at);
  const proxy = await Proxy.start(Number(new URL(url).port));
  fleet.atEnd(() => proxy.close());
  fleet.node(at, '--run', 'test', '--data', two, '--slot', '2');
  const page = await browser.open(url.replace(new URL(url).port, String(proxy.port)));
  const join = page.getByRole('button', { name: 'Join the run' });
  await page.getByLabel('Table to train on').setInputFiles(other);
  await page.getByLabel('Slot').selectOption({ value: '0' });
  await join.click();
  await page.getByText('c.csv: 25 of 100 samples are of classes that are not known: kind 3 (25)').waitFor();
  await page.getByRole('button', { name: 'Choose again' }).click();
  await page.getByLabel('Table to train on').setInputFiles(one);
  await page.getByLabel('Slot').selectOption({ value: '0' });
  await join.click();
  await page.getByText('Read 200 samples; they stay in this browser.').waitFor();
  expect(await following).toBe(alone.modelDigest);
  await until(async () => (await page.locator('.status').textContent()) === 'finished');
  await page.close();
  const { sent } = proxy;
  expect(sent.includes('"key":"task.c0.l0"')).toBe(true);
  for (const line of readFileSync(one, 'utf8').trim().split('\n')) expect(sent.includes(line)).toBe(false);
  expect(sent.includes('a.csv')).toBe(false);
});
