/** What all sources of data say of what they took, left out and found odd; and what they refuse. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { datasetFromArrays } from '../../src/data/arrays.js';
import { loadImageFolder } from '../../src/data/sources/image-folder.js';
import { loadNpz } from '../../src/data/sources/npz.js';
import { encodeNpy } from '../../src/formats/npy.js';
import { encodeNpz } from '../../src/formats/npz.js';
import { train } from '../../src/run/train.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';
import { describeError } from './helpers.js';

const folders: string[] = [];
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-plausible-'));
  folders.push(folder);
});
afterAll(() => folders.forEach((each) => rmSync(each, { recursive: true })));

const shape = { width: 2, height: 1, channels: 1 };
const of = (labels: readonly number[], bright = 200): { images: Uint8Array; labels: readonly number[] } => ({
  images: Uint8Array.from({ length: 2 * labels.length }, (_, i) => (i % 3) * bright),
  labels,
});

describe('arrays', () => {
  it('labels 1 … n are n classes, by their names', () => {
    const data = datasetFromArrays({ name: 'own', shape, train: of([1, 2, 3, 1]), test: of([3, 2]) });
    expect([data.classes, [...data.train.labels], [...data.test.labels]]).toEqual([
      ['1', '2', '3'],
      [0, 1, 2, 0],
      [2, 1],
    ]);
    expect(data.notes).toContain('labels are counted from 1 to 3: these are 3 classes');
    expect(datasetFromArrays({ name: 'own', shape, train: of([0, 2, 1]), test: of([1, 2]) }).classes).toEqual([
      '0',
      '1',
      '2',
    ]);
  });

  it('classes without samples, or in one part only, and rare ones are named', () => {
    const many = Array.from({ length: 50 }, () => 0);
    const { notes } = datasetFromArrays({
      name: 'own',
      shape,
      classes: ['a', 'b', 'c', 'd', 'e'],
      train: of([...many, 1, 2]),
      test: of([0, 1, 3]),
    });
    expect(notes).toEqual([
      'class e: no samples at all',
      'class d: only test samples, so that it cannot be learned',
      'class c: no test samples, so that accuracy says nothing of it',
      'classes b, c: fewer than one training sample for 20 of the largest class; accuracy may hide that it is never right',
      '96.2 % of the training samples are of class a',
    ]);
  });

  it('bytes that were meant as 0 … 1 are named', () => {
    const { notes } = datasetFromArrays({
      name: 'own',
      shape,
      train: { images: Uint8Array.of(0, 1, 1, 0), labels: [0, 1] },
      test: of([0, 1]),
    });
    expect(notes).toEqual(['no value of the training images is above 1 of 255: were they meant as 0 … 1?']);
  });
});

describe('NumPy files', () => {
  const save = async (arrays: Readonly<Record<string, Uint8Array>>): Promise<string> => {
    const file = path.join(folder, 'own.npz');
    writeFileSync(file, await encodeNpz(arrays));
    return file;
  };
  const labels = encodeNpy([2], Uint8Array.of(0, 1));

  it('booleans are black and white', async () => {
    const bytes = encodeNpy([2, 2], Uint8Array.of(0, 1, 1, 0));
    const booleans = Uint8Array.from(bytes);
    booleans.set(Buffer.from('|b1'), Buffer.from(bytes).indexOf('|u1'));
    const data = await loadNpz(
      await save({ 'x_train.npy': booleans, 'y_train.npy': labels, 'x_test.npy': booleans, 'y_test.npy': labels }),
    );
    expect([...data.train.images]).toEqual([0, 255, 255, 0]);
  });

  it('channels first and channels last are the same images', async () => {
    // Two images of 1 x 4 pixels in three colours.
    const first = Uint8Array.from({ length: 24 }, (_, i) => i * 10);
    const last = Uint8Array.from(
      { length: 24 },
      (_, i) => first[Math.floor(i / 12) * 12 + (i % 3) * 4 + (Math.floor(i / 3) % 4)] as number,
    );
    const load = async (dims: readonly number[], x: Uint8Array) => {
      const images = encodeNpy(dims, x);
      return loadNpz(
        await save({ 'x_train.npy': images, 'y_train.npy': labels, 'x_test.npy': images, 'y_test.npy': labels }),
      );
    };
    const planes = await load([2, 3, 2, 2], first);
    expect(planes.shape).toEqual({ width: 2, height: 2, channels: 3 });
    expect([...planes.train.images]).toEqual([...first]);
    const pixels = await load([2, 2, 2, 3], last);
    expect(pixels.digest).toBe(planes.digest);
    const mixed = await save({
      'x_train.npy': encodeNpy([2, 3, 2, 2], first),
      'y_train.npy': labels,
      'x_test.npy': encodeNpy([2, 2, 2, 3], last),
      'y_test.npy': labels,
    });
    expect(await describeError(() => loadNpz(mixed))).toMatch(
      /^data: .*training images are \[2, 3, 2, 2\], but test images \[2, 2, 2, 3\]/,
    );
  });

  it('test images of another shape, and one-hot labels, are refused', async () => {
    const x = encodeNpy([2, 2, 3], new Uint8Array(12));
    const other = await save({
      'x_train.npy': x,
      'y_train.npy': labels,
      'x_test.npy': encodeNpy([2, 3, 2], new Uint8Array(12)),
      'y_test.npy': labels,
    });
    expect(await describeError(() => loadNpz(other))).toMatch(
      /^data: .*training images are \[2, 2, 3\], but test images \[2, 3, 2\]/,
    );
    const hot = encodeNpy([2, 2], Uint8Array.of(1, 0, 0, 1));
    const oneHot = await save({ 'x_train.npy': x, 'y_train.npy': hot, 'x_test.npy': x, 'y_test.npy': hot });
    expect(await describeError(() => loadNpz(oneHot))).toMatch(/^data: .*labels are \[2, 2\], but must be a list/);
  });
});

describe('folders of images', () => {
  function image(file: string, grey: number): void {
    const png = new PNG({ width: 2, height: 2 });
    for (let i = 0; i < png.data.length; i += 4) png.data.set([grey, i, grey, 255], i);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, PNG.sync.write(png));
  }
  const make = (...names: string[]): void => names.forEach((name, i) => image(path.join(folder, name), 40 * i + 20));

  it('links are followed; other images, hidden folders, empty classes and val/ are named', async () => {
    make(
      'train/cat/1.png',
      'train/cat/2.png',
      'train/dog/1.png',
      'test/cat/1.png',
      'test/dog/1.png',
      'val/cat/1.png',
      'elsewhere/1.png',
    );
    writeFileSync(path.join(folder, 'train/cat/3.jpg'), 'x');
    mkdirSync(path.join(folder, 'train/.git'));
    mkdirSync(path.join(folder, 'train/empty'));
    symlinkSync(path.join(folder, 'elsewhere'), path.join(folder, 'train/linked'));
    const data = await loadImageFolder(folder);
    expect([data.classes, data.train.count, data.test.count]).toEqual([['cat', 'dog', 'linked'], 4, 2]);
    const notes = (data.notes ?? []).map((note) => note.replaceAll(`${folder}/`, ''));
    expect(notes).toEqual([
      'beside train and test, elsewhere, val was left out',
      'train: .git is hidden and was left out',
      'train/cat: 1 files that are not PNG were left out (.jpg)',
      'train/empty has no PNG images and was left out as a class',
      'class linked: no test samples, so that accuracy says nothing of it',
    ]);
  });

  it('a class in the test folder only is refused', async () => {
    make('train/cat/1.png', 'train/dog/1.png', 'test/cat/1.png', 'test/owl/1.png');
    expect(await describeError(() => loadImageFolder(folder))).toMatch(
      /^data: .*test has the classes owl, which .*train has no images of/,
    );
  });
});

it('a run says what its data had, and refuses a dataset whose parts do not fit', async () => {
  const data = toyDataset();
  const notes: string[] = [];
  for await (const event of train(
    { spec: toySpec({ epochs: 1, negatives: 'random' }) },
    { ...data, notes: ['something was left out'] },
  ))
    if (event.type === 'notice') notes.push(event.text);
  expect(notes).toEqual(['dataset toy: something was left out']);
  const short = { ...data, train: { ...data.train, images: data.train.images.subarray(1) } };
  await expect(train({ spec: toySpec() }, short).next()).rejects.toThrow(
    /toy: 200 training samples of 6 x 6 x 1 need 7200 values/,
  );
});
