// Keeps the layers of a run in a folder while it goes on, in place of memory: node examples/4-own-store.mjs
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { registerStore, trainToEnd } from 'pipeline-forward-forward';

const folder = await mkdtemp(path.join(os.tmpdir(), 'pff-example-'));
const file = (key) => path.join(folder, key);

// Three short functions over whatever keeps bytes by name. A plugin has it under `stores`; then --store folder names it.
registerStore('folder', () => ({
  put: (key, bytes) => writeFile(file(key), bytes),
  get: (key) => readFile(file(key)),
  delete: (key) => rm(file(key), { force: true }),
}));

const spec = { layers: [784, 64, 64], epochs: 2, trainSamples: 2000, testSamples: 500 };
const usual = await trainToEnd({ spec });
const { modelDigest } = await trainToEnd({ spec, nodes: 2, store: 'folder' });
console.log(`left in the folder: ${(await readdir(folder)).join(', ')}`);
console.log(`the same bits: ${modelDigest === usual.modelDigest}`);
await rm(folder, { recursive: true });
