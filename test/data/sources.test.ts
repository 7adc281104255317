/** Loading datasets from folders: all spellings, the places looked in, digests, and what each broken folder says. */
import { chmod, copyFile, mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { bytesOf } from '../../src/data/dataset.js';
import { writeIdx } from '../../src/data/idx.js';
import { cacheFolder } from '../../src/data/sources/files.js';
import { checkDatasetName, loadDataset } from '../../src/data/sources/load.js';
import { loadIdxFolder } from '../../src/data/sources/idx-folder.js';
import { MNIST_MD5, mnistPackageFolder } from '../../src/data/sources/mnist.js';
import { cifarFile, writeCifarFolder, writeIdxFolder } from './fixtures.js';
import { describeError, errorOf, temporaryFolder } from './helpers.js';

const FOUR = 'train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte';

/** The hint of the error that a dataset's name gives. */
async function hintOf(dataset: string): Promise<string | undefined> {
  return (await errorOf(() => loadDataset({ dataset }))).hint;
}

describe('idx', () => {
  test.each([
    ['standard names', (name: string) => name],
    ['packed', (name: string) => `${name}.gz`],
    ['with a dot', (name: string) => name.replace('-idx', '.idx')],
    ['with a dot, packed', (name: string) => `${name.replace('-idx', '.idx')}.gz`],
  ])('%s', async (_, rename) => {
    const dataDir = await temporaryFolder();
    await writeIdxFolder(dataDir, { width: 3, height: 2, train: [0, 2, 1], test: [4, 0], rename });
    const data = await loadDataset({ dataset: 'idx', dataDir });
    expect(data).toMatchObject({ name: 'idx', shape: { width: 3, height: 2, channels: 1 } });
    expect(data.classes).toEqual(['0', '1', '2', '3', '4']);
    expect([data.train.count, data.test.count]).toEqual([3, 2]);
    expect([...data.train.labels, ...data.test.labels]).toEqual([0, 2, 1, 4, 0]);
    expect([...data.train.images.subarray(0, 3)]).toEqual([1, 32, 63]);
    for (const array of [data.train.images, data.train.labels, data.test.images, data.test.labels])
      expect(array.buffer).toBeInstanceOf(SharedArrayBuffer);
    const all = Buffer.concat([data.train, data.test].flatMap((each) => [bytesOf(each.images), bytesOf(each.labels)]));
    expect(data.digest).toBe(createHash('sha256').update(all).digest('hex'));
  });

  test('up to 256 classes', async () => {
    const dataDir = await temporaryFolder();
    await writeIdxFolder(dataDir, { width: 17, height: 17, train: Array.from({ length: 256 }, (_, i) => i) });
    expect((await loadDataset({ dataset: 'idx', dataDir })).classes.length).toBe(256);
  });

  test('a damaged label that would make hundreds of empty classes', async () => {
    const dataDir = await temporaryFolder();
    await writeIdxFolder(dataDir, { width: 4, height: 4, train: [0, 1, 2, 200], test: [1] });
    expect(await describeError(() => loadDataset({ dataset: 'idx', dataDir }))).toBe(
      'data: dataset idx: labels go up to 200, but 197 of the labels below have no training image | Number the classes from 0 without gaps; if they are, a label file is damaged.',
    );
  });

  test('no folder, an empty folder, a folder that is not there', async () => {
    expect(await describeError(() => loadDataset({ dataset: 'idx' }))).toBe(
      'usage: dataset idx needs a folder: these are files of your own | Name the folder of the four IDX files by --data-dir.',
    );
    const folder = await temporaryFolder();
    for (const dataDir of [folder, join(folder, 'none')])
      expect(await describeError(() => loadDataset({ dataset: 'idx', dataDir }))).toBe(
        `data: dataset idx: ${FOUR} not found (also with .gz) in ${dataDir} | Name by --data-dir a folder with ${FOUR} (each may end in .gz).`,
      );
  });

  test('only the missing files are named', async () => {
    const dataDir = await temporaryFolder();
    await writeIdxFolder(dataDir);
    await rm(join(dataDir, 't10k-labels-idx1-ubyte'));
    const { message } = await errorOf(() => loadDataset({ dataset: 'idx', dataDir }));
    expect(message).toBe(`dataset idx: t10k-labels-idx1-ubyte not found (also with .gz) in ${dataDir}`);
  });

  test('broken folders', async () => {
    const dataDir = await temporaryFolder();
    const load = (): Promise<unknown> => loadDataset({ dataset: 'idx', dataDir });
    const path = (name: string): string => join(dataDir, name);

    await writeIdxFolder(dataDir, { train: [0, 0], test: [0] });
    expect(await describeError(load)).toBe(
      'data: dataset idx: every label is 0, so there is only one class | Give labels of at least two classes, counted from 0.',
    );

    await writeIdxFolder(dataDir);
    await writeFile(path('train-labels-idx1-ubyte'), writeIdx({ dims: [3], data: Uint8Array.of(0, 1, 2) }));
    expect((await errorOf(load)).message).toBe(
      `${path('train-images-idx3-ubyte')} has 4 images, but ${path('train-labels-idx1-ubyte')} has 3 labels`,
    );

    await writeIdxFolder(dataDir);
    await writeFile(path('t10k-images-idx3-ubyte'), writeIdx({ dims: [2, 1, 2], data: new Uint8Array(4) }));
    expect(await describeError(load)).toBe(
      `data: training images in ${path('train-images-idx3-ubyte')} are 28 x 28 pixels, but test images in ${path('t10k-images-idx3-ubyte')} are 2 x 1 pixels | All images of a dataset must have one size.`,
    );

    await writeIdxFolder(dataDir);
    await truncate(path('train-images-idx3-ubyte'), 1000);
    expect((await errorOf(load)).message).toBe(
      `${path('train-images-idx3-ubyte')}: truncated: 4 x 28 x 28 values need 3136 bytes after the header, but there are only 984`,
    );
  });

  test('damaged gzip', async () => {
    const dataDir = await temporaryFolder();
    await writeIdxFolder(dataDir, { rename: (name) => `${name}.gz` });
    const path = join(dataDir, 'train-labels-idx1-ubyte.gz');
    await writeFile(path, gzipSync(new Uint8Array(100)).subarray(0, 20));
    expect(await describeError(() => loadDataset({ dataset: 'idx', dataDir }))).toBe(
      `data: ${path}: truncated or damaged gzip file (unexpected end of file) | Get the file again.`,
    );
  });

  test.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'no right to read (root has all rights)',
    async () => {
      const dataDir = await temporaryFolder();
      await writeIdxFolder(dataDir);
      await chmod(join(dataDir, 'train-images-idx3-ubyte'), 0);
      const error = await errorOf(() => loadDataset({ dataset: 'idx', dataDir }));
      expect(error.message).toMatch(/train-images-idx3-ubyte cannot be read: EACCES/);
    },
  );
});

describe('mnist', () => {
  test('--data-dir stands in for the package, with its folder or one that holds mnist/', async () => {
    const dataDir = await temporaryFolder();
    await writeIdxFolder(join(dataDir, 'mnist'));
    const data = await loadDataset({ dataset: 'mnist', dataDir });
    expect([data.train.count, data.test.count, data.classes.length]).toEqual([4, 2, 10]);
    expect((await loadDataset({ dataset: 'mnist', dataDir: join(dataDir, 'mnist') })).digest).toBe(data.digest);
  });

  test('a folder without it', async () => {
    const dataDir = await temporaryFolder();
    expect(await describeError(() => loadDataset({ dataset: 'mnist', dataDir }))).toBe(
      `data: dataset mnist: ${FOUR} not found (also with .gz) in ${dataDir} or ${join(dataDir, 'mnist')} | Put the four IDX files there, or leave --data-dir out: MNIST comes with this program.`,
    );
  });

  test('images of another size, labels above 9', async () => {
    const dataDir = await temporaryFolder();
    await writeIdxFolder(dataDir, { width: 20 });
    expect(await describeError(() => loadDataset({ dataset: 'mnist', dataDir }))).toBe(
      `data: ${join(dataDir, 'train-images-idx3-ubyte')}: images of mnist are 28 x 28 pixels, but these are 20 x 28 pixels | For images of your own use --dataset idx.`,
    );
    await writeIdxFolder(dataDir, { train: [1, 10] });
    expect(await describeError(() => loadDataset({ dataset: 'mnist', dataDir }))).toBe(
      `data: ${join(dataDir, 'train-labels-idx1-ubyte')}: label 10 of sample 1 is out of range: there are 10 classes | Labels must be 0 … 9.`,
    );
  });

  test('a file whose MD5 is not the original is refused', async () => {
    const folder = await temporaryFolder();
    await writeIdxFolder(folder);
    await copyFile(join(mnistPackageFolder(), 't10k-labels-idx1-ubyte'), join(folder, 't10k-labels-idx1-ubyte'));
    const error = await errorOf(() =>
      loadIdxFolder({ name: 'mnist', folders: [folder], hint: 'Do this.', md5: MNIST_MD5 }),
    );
    expect(error.message).toMatch(
      /train-images-idx3-ubyte: MD5 is [0-9a-f]{32}, but the original file's is 6bbc9ace898e44ae57da46a324031adb: the file was changed or damaged$/,
    );
    expect(error.hint).toBe('Do this.');
  });
});

describe('fashion-mnist', () => {
  test('from --data-dir and from the cache folder', async () => {
    const dataDir = await temporaryFolder();
    await writeIdxFolder(dataDir, { rename: (name) => `${name}.gz` });
    const data = await loadDataset({ dataset: 'fashion-mnist', dataDir });
    expect(data.classes[9]).toBe('Ankle boot');
    const cacheDir = await temporaryFolder();
    await writeIdxFolder(join(cacheDir, 'fashion-mnist'));
    expect((await loadDataset({ dataset: 'fashion-mnist', cacheDir })).digest).toBe(data.digest);
  });

  test('when it is not here, the error says what to run and where it looked', async () => {
    const cacheDir = await temporaryFolder();
    expect(await describeError(() => loadDataset({ dataset: 'fashion-mnist', cacheDir }))).toBe(
      `data: dataset fashion-mnist: ${FOUR} not found (also with .gz) in ${join(cacheDir, 'fashion-mnist')} | Run pff data get fashion-mnist, or name by --data-dir a folder with ${FOUR} (each may end in .gz).`,
    );
  });
});

describe('cifar10', () => {
  test('from the folder, from the one the archive unpacks to, and from the cache folder', async () => {
    const folder = await temporaryFolder();
    const inside = join(folder, 'cifar10', 'cifar-10-batches-bin');
    await writeCifarFolder(inside);
    const data = await loadDataset({ dataset: 'cifar10', dataDir: inside });
    expect(data).toMatchObject({ name: 'cifar10', shape: { width: 32, height: 32, channels: 3 } });
    expect(data.classes[6]).toBe('frog');
    expect([...data.train.labels]).toEqual([1, 2, 2, 3, 3, 4, 4, 5, 5, 6]);
    expect([...data.test.labels]).toEqual([9, 0]);
    expect([data.train.count, data.train.images.length]).toEqual([10, 10 * 3072]);
    // The first pixels of each file, in order.
    expect([0, 2, 4, 6, 8].map((i) => data.train.images[i * 3072])).toEqual([10, 20, 30, 40, 50]);
    expect(data.train.images.buffer).toBeInstanceOf(SharedArrayBuffer);
    const { digest } = data;
    expect((await loadDataset({ dataset: 'cifar10', dataDir: join(folder, 'cifar10') })).digest).toBe(digest);
    expect((await loadDataset({ dataset: 'cifar10', dataDir: folder })).digest).toBe(digest);
    expect((await loadDataset({ dataset: 'cifar10', cacheDir: folder })).digest).toBe(digest);
  });

  test('missing files and files cut off between two records', async () => {
    const dataDir = await temporaryFolder();
    await writeCifarFolder(dataDir);
    await writeFile(join(dataDir, 'data_batch_3.bin'), cifarFile([1], 0));
    expect(await describeError(() => loadDataset({ dataset: 'cifar10', dataDir }))).toBe(
      `data: ${join(dataDir, 'data_batch_3.bin')} has 1 records, but ${join(dataDir, 'data_batch_1.bin')} has 2: one of them is cut off or was changed | Get the files again: pff data get cifar10.`,
    );
    await rm(join(dataDir, 'data_batch_3.bin'));
    await rm(join(dataDir, 'test_batch.bin'));
    const error = await errorOf(() => loadDataset({ dataset: 'cifar10', dataDir }));
    expect(error.message).toContain(`dataset cifar10: data_batch_3.bin, test_batch.bin not found in ${dataDir} or `);
    expect(error.hint).toBe(
      'Run pff data get cifar10, or name by --data-dir a folder with data_batch_1.bin, data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, data_batch_5.bin, test_batch.bin.',
    );
  });
});

test('unknown datasets: the nearest name', async () => {
  const known = 'Known are mnist, fashion-mnist, cifar10, idx, own; datasets of your own come with --plugin FILE.';
  expect(await describeError(() => checkDatasetName('mnits'))).toBe(
    `usage: unknown dataset "mnits" | Did you mean mnist? ${known}`,
  );
  expect(await hintOf('CIFAR-10')).toBe(`Did you mean cifar10? ${known}`);
  expect(await hintOf('fashion_mnist')).toBe(`Did you mean fashion-mnist? ${known}`);
});

test('a folder of the name of a file is not that file', async () => {
  const dataDir = await temporaryFolder();
  await writeIdxFolder(dataDir, { rename: (name) => `${name}.gz` });
  await mkdir(join(dataDir, 'train-images-idx3-ubyte'));
  expect((await loadDataset({ dataset: 'idx', dataDir })).train.count).toBe(4);
});

test('the cache folder: given, by PFF_CACHE_DIR, or the platform’s', () => {
  try {
    vi.stubEnv('PFF_CACHE_DIR', '/here');
    expect(cacheFolder()).toBe('/here');
    expect(cacheFolder('/there')).toBe('/there');
    vi.stubEnv('PFF_CACHE_DIR', '');
    expect(cacheFolder()).toMatch(/pff/);
  } finally {
    vi.unstubAllEnvs();
  }
});
