/** The files of the demo: what `npm run build` made of web/demo/, and MNIST packed beside it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { loadMnist } from '../../data/sources/mnist.js';
import { bytesOf } from '../../data/dataset.js';
import { PffError } from '../../errors.js';
import { PACKAGE_FOLDER } from '../../package-folder.js';

/** Names of files, and what is in them. */
export type DemoFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** @throws PffError `files` where the demo has not been built; `data` without the package of MNIST. */
export async function demoFiles(): Promise<DemoFiles> {
  const folder = path.join(PACKAGE_FOLDER, 'dist/demo');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  if (!names.includes('index.html'))
    throw new PffError('files', 'the demo has not been built', { hint: 'Run npm run build.' });
  const files = names.map((name) => [name, new Uint8Array(readFileSync(path.join(folder, name)))] as const);
  return new Map([...files, ['mnist.bin', await packedMnist()]]);
}

/** Images and labels of training and test samples, one after the other, by gzip. */
async function packedMnist(): Promise<Uint8Array<ArrayBuffer>> {
  const { train, test } = await loadMnist();
  const parts = [train, test].flatMap(({ images, labels }) => [bytesOf(images), bytesOf(labels)]);
  return new Uint8Array(await promisify(gzip)(Buffer.concat(parts), { level: 1 }));
}
