/** `pipeline-forward-forward/browser` as the package has it: from its files as they are, and through a bundler, with the bits of Node.js. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { datasetFromArrays } from '../../src/data/arrays.js';
import { trainToEnd } from '../../src/run/train.js';
import type { BrowserTrainOptions } from '../../src/in-browser/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { TestBrowser } from '../../tools/browser.js';
import { SOFTWARE_GPU } from '../../tools/chromium.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-entry-'));
const servers: Server[] = [];
let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.start(...SOFTWARE_GPU);
});
afterAll(async () => {
  await browser.close();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

const spec: PartialSpec = { layers: [16, 12, 12], objective: 'pred', batch: 8, epochs: 2, splits: 2 };
const pixels = Array.from({ length: 60 * 16 }, (_, i) => (i * 37 + (i >> 4) * 11) % 256);
const labels = Array.from({ length: 60 }, (_, i) => i % 3);
const shape = { width: 4, height: 4, channels: 1 };

/** A page of a user's: trains, opens the model, and puts what came out into the document. @param from where the library is imported from */
const app = (from: string, options: BrowserTrainOptions = { spec }): string => `
  import { datasetFromArrays, openModel, train } from '${from}';
  const samples = { images: Uint8Array.from(${JSON.stringify(pixels)}), labels: ${JSON.stringify(labels)} };
  const shape = ${JSON.stringify(shape)};
  const dataset = datasetFromArrays({ name: 'mine', shape, train: samples, test: samples });
  for await (const event of train({ ...${JSON.stringify(options)}, models: true }, dataset)) {
    if (event.type === 'started') document.title = event.kernels;
    if (event.type === 'gpu-failed') document.title += ', ' + event.reason;
    if (event.type === 'finished') {
      const model = await openModel(event.model);
      const [prediction] = await model.predict(samples.images.subarray(0, 16));
      // Predictions that are asked for at once are not mixed up.
      const others = samples.images.subarray(16, 64);
      const [[again], together] = await Promise.all([model.predict(samples.images.subarray(0, 16)), model.predict(others)]);
      const same = JSON.stringify([again, together]) === JSON.stringify([prediction, await model.predict(others)]);
      // A weight that has changed.
      const damaged = event.model.slice();
      damaged[damaged.length - 2] ^= 1;
      const refused = await openModel(damaged).then(() => 'opened', ({ message }) => message);
      if (!/damaged: the digest of its weights/.test(refused)) document.body.textContent = refused;
      else document.body.textContent = same ? event.modelDigest + ' ' + prediction.className : 'mixed up';
    }
  }`;

const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** Files of folders, by the first part of their address; all else is the page. @param prelude what the worker does first */
async function served(page: string, folders: Readonly<Record<string, string>>, prelude = ''): Promise<string> {
  const server = createServer(({ url = '' }, response) => {
    const [, first = '', ...rest] = url.split('/');
    const under = folders[first];
    if (under === undefined) response.setHeader('content-type', 'text/html').end(page);
    else {
      response.setHeader('content-type', TYPES[path.extname(url)] ?? 'application/octet-stream');
      response.write(rest.at(-1) === 'background.js' ? prelude : '');
      response.end(readFileSync(path.join(under, ...rest)));
    }
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** @param limitMs how long it may take */
async function trainedAt(url: string, kernels = /^wasm$/, limitMs = 30_000): Promise<string> {
  const page = await browser.open(url);
  await page.waitForFunction("/^[0-9a-f]{64} /.test(document.body.textContent ?? '')", undefined, { timeout: limitMs });
  expect(await page.title()).toMatch(kernels);
  const text = (await page.textContent('body')) ?? '';
  await page.close();
  expect(browser.complaints).toEqual([]);
  expect(browser.strangers).toEqual([]);
  return text;
}

async function expected(of = spec): Promise<RegExp> {
  const samples = { images: Uint8Array.from(pixels), labels };
  const dataset = datasetFromArrays({ name: 'mine', shape, train: samples, test: samples });
  return new RegExp(`^${(await trainToEnd({ spec: of, threadsPerNode: 1 }, dataset)).modelDigest} [012]$`);
}

it('from its files as they are, by a script of type module', async () => {
  const page = `<!doctype html><title>-</title><body></body><script type="module">${app('/lib/index.js')}</script>`;
  const url = await served(page, { lib: path.join(root, 'dist/browser') });
  expect(await trainedAt(url)).toMatch(await expected());
});

it('through a bundler with its usual settings, by the name of the package', async () => {
  mkdirSync(path.join(folder, 'node_modules'));
  symlinkSync(root, path.join(folder, 'node_modules/pipeline-forward-forward'), 'dir');
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  writeFileSync(path.join(folder, 'main.js'), app('pipeline-forward-forward/browser'));
  const page = '<!doctype html><title>-</title><body></body><script type="module" src="./main.js"></script>';
  writeFileSync(path.join(folder, 'index.html'), page);
  await build({ root: folder, configFile: false, logLevel: 'error', build: { target: 'es2023' } });
  const out = path.join(folder, 'dist');
  const url = await served(readFileSync(path.join(out, 'index.html'), 'utf8'), { assets: path.join(out, 'assets') });
  expect(await trainedAt(url)).toMatch(await expected());
});

/** Loses the device once, with the second submission after the first task. */
const losesGpu = `
  let device;
  let tasks = 0;
  let left = Infinity;
  const [{ requestDevice }, { submit }, { postMessage }] = [GPUAdapter.prototype, GPUQueue.prototype, globalThis];
  GPUAdapter.prototype.requestDevice = async function (...asked) {
    return (device = await requestDevice.apply(this, asked));
  };
  GPUQueue.prototype.submit = function (work) {
    submit.call(this, work);
    if (--left === 0) device.destroy();
  };
  globalThis.postMessage = (answer) => {
    if (answer.event?.type === 'task-finished' && ++tasks === 1) left = 2;
    postMessage.call(globalThis, answer);
  };
`;

describe('on the GPU', () => {
  const options: BrowserTrainOptions = { spec: { ...spec, precision: 'bf16' }, kernels: 'webgpu' };
  const page = `<!doctype html><title>-</title><body></body><script type="module">${app('/lib/index.js', options)}</script>`;

  it('has the bits of the CPU, also when it is lost in the middle', { timeout: 150_000 }, async () => {
    const url = await served(page, { lib: path.join(root, 'dist/browser') }, losesGpu);
    const kernels = /^webgpu\/google swiftshader in integer arithmetic, the GPU \(google swiftshader\) failed: [^,]*$/;
    expect(await trainedAt(url, kernels, 120_000)).toMatch(await expected(options.spec));
  });
});
