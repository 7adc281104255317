/** Small datasets that the tests write to disk in the official forms. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeCifar } from '../../src/data/cifar.js';
import { writeIdx } from '../../src/data/idx.js';

export interface IdxFixture {
  readonly width?: number;
  readonly height?: number;
  readonly train?: readonly number[];
  readonly test?: readonly number[];
  /** How a standard name is written; a name that ends in .gz is packed. */
  readonly rename?: (name: string) => string;
}

/** The bytes of one image: different for each. */
function pixels(count: number, size: number, from: number): Uint8Array {
  return Uint8Array.from({ length: count * size }, (_, i) => (from + i * 31) % 256);
}

/** Writes the four IDX files; `train` and `test` are labels, with an image for each. */
export async function writeIdxFolder(folder: string, fixture: IdxFixture = {}): Promise<void> {
  const { width = 28, height = 28, train = [0, 1, 2, 9], test = [3, 4], rename = (name) => name } = fixture;
  await mkdir(folder, { recursive: true });
  const write = async (name: string, bytes: Uint8Array): Promise<void> => {
    const path = join(folder, rename(name));
    await writeFile(path, path.endsWith('.gz') ? gzipSync(bytes) : bytes);
  };
  for (const [split, labels, from] of [
    ['train', train, 1],
    ['t10k', test, 2],
  ] as const) {
    const images = pixels(labels.length, width * height, from);
    await write(`${split}-images-idx3-ubyte`, writeIdx({ dims: [labels.length, height, width], data: images }));
    await write(`${split}-labels-idx1-ubyte`, writeIdx({ dims: [labels.length], data: Uint8Array.from(labels) }));
  }
}

/** One CIFAR-10 file of the given labels; its first pixels tell the files apart. */
export function cifarFile(labels: readonly number[], first: number): Uint8Array {
  return writeCifar(pixels(labels.length, 3072, first), Uint8Array.from(labels));
}

/** The six files of CIFAR-10 with two images each. */
export function cifarFiles(): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let i = 1; i <= 5; i++) files.set(`data_batch_${i}.bin`, cifarFile([i, i + 1], i * 10));
  return files.set('test_batch.bin', cifarFile([9, 0], 200));
}

/** Writes `cifarFiles()` to a folder. */
export async function writeCifarFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of cifarFiles()) await writeFile(join(folder, name), bytes);
}
