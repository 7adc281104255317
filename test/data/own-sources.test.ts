/** Datasets of a user's own: arrays, batches, CSV, NumPy files, folders of images. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeNpy } from '../../src/formats/npy.js';
import { encodeNpz } from '../../src/formats/npz.js';
import { datasetFromArrays, datasetFromBatches, type OwnData } from '../../src/data/arrays.js';
import { datasetFromCsv } from '../../src/data/sources/csv.js';
import { loadImageFolder } from '../../src/data/sources/image-folder.js';
import { loadNpz } from '../../src/data/sources/npz.js';
import { PffError } from '../../src/errors.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-data-'));
afterAll(() => rmSync(folder, { recursive: true }));
const shape = { width: 2, height: 1, channels: 1 };

describe('arrays', () => {
  const images = Uint8Array.from({ length: 20 }, (_, i) => i);
  const labels = [0, 1, 0, 1, 0, 1, 0, 1, 0, 2];

  it('are divided by a keyed order; floats 0 … 1 become bytes', () => {
    const data = datasetFromArrays({ name: 'own', shape, train: { images, labels } });
    expect([data.train.count, data.test.count, data.classes]).toEqual([8, 2, ['0', '1', '2']]);
    expect(new Set([...data.train.images, ...data.test.images]).size).toBe(20);
    const floats = { images: Float64Array.from(images, (byte) => byte / 255), labels };
    expect(datasetFromArrays({ name: 'own', shape, train: floats }).digest).toBe(data.digest);
    const other = datasetFromArrays({ name: 'own', shape, train: { images, labels }, splitSeed: 2 });
    expect(other.digest).not.toBe(data.digest);
  });

  it('come in batches too', async () => {
    // oxlint-disable-next-line require-await -- a source may well be asynchronous
    async function* batches() {
      for (let i = 0; i < 10; i += 5)
        yield { images: images.subarray(2 * i, 2 * i + 10), labels: labels.slice(i, i + 5) };
    }
    const whole = datasetFromArrays({ name: 'own', shape, train: { images, labels } });
    expect((await datasetFromBatches({ name: 'own', shape, train: batches() })).digest).toBe(whole.digest);
  });

  it.each([
    [{ images, labels: [0, 1] }, /own: 2 labels and images of 2 x 1 x 1 need 4 values, but there are 20/],
    [{ images, labels: labels.map((label) => label - 1) }, /own: label -1 is none of at most 65536 classes/],
    [{ images: Float32Array.from(images), labels }, /value 2 of the images is 2, but floats must be 0 … 1/],
  ])('that do not fit are refused: %#', (train, message) => {
    expect(() => datasetFromArrays({ name: 'own', shape, train, test: train })).toThrow(message);
  });

  it.each([3, 1])('images of another width than %i are refused before test samples are set aside', (width) => {
    expect(() => datasetFromArrays({ name: 'own', shape: { ...shape, width }, train: { images, labels } })).toThrow(
      `need ${10 * width} values, but there are 20`,
    );
  });

  it('of a canvas are bytes', () => {
    const clamped = { images: new Uint8ClampedArray(images), labels };
    const data = datasetFromArrays({ name: 'own', shape, train: clamped });
    expect(data.digest).toBe(datasetFromArrays({ name: 'own', shape, train: { images, labels } }).digest);
  });

  it.each([
    ['no width', { shape: { height: 1, channels: 1 } }, /own: the shape must have/],
    ['a width of 0', { shape: { ...shape, width: 0 } }, /own: the shape must have/],
    ['a width below 0', { shape: { ...shape, width: -2 } }, /own: the shape must have/],
    ['no shape', { shape: undefined }, /own: the shape must have/],
    ['no training samples', { train: undefined }, /own: train must have arrays of images and labels/],
    ['test samples that are null', { test: null }, /own: test must have arrays of images and labels/],
    ['one text of classes', { classes: 'ab' }, /own: classes must be a list/],
    ['no name', { name: undefined }, /the name of a dataset must be a text/],
    ['labels that are null', { train: { images, labels: null } }, /own: train must have arrays/],
    ['images as a buffer', { train: { images: new ArrayBuffer(20), labels } }, /own: train must have arrays/],
  ])('with %s they are refused', (_, wrong, message) => {
    const given: unknown = { name: 'own', shape, train: { images, labels }, ...wrong };
    const asked = (): unknown => datasetFromArrays(given as OwnData);
    expect(asked).toThrow(PffError);
    expect(asked).toThrow(message);
  });

  it('batches that are none are refused', async () => {
    const given: unknown = { name: 'own', shape };
    await expect(datasetFromBatches(given as Parameters<typeof datasetFromBatches>[0])).rejects.toThrow(
      'own: train must be batches that can be iterated over, but is undefined',
    );
  });
});

describe('CSV', () => {
  const text = 'a,kind,"b, too"\n1,cat,10\n2,dog,30\n3,cat,20\n5,"the ""dog""",20\n';

  it('has columns scaled by themselves, and classes by name', () => {
    const data = datasetFromCsv(text, { label: 'kind', testShare: 0.25 });
    expect([data.shape.width, data.classes, data.train.count]).toEqual([2, ['cat', 'dog', 'the "dog"'], 3]);
    const values = [...data.train.images, ...data.test.images].toSorted((a, b) => a - b);
    expect(values).toEqual([0, 0, 64, 128, 128, 128, 255, 255]);
  });

  it('the last column is the label unless told, and numbers are sorted as numbers', () => {
    expect(datasetFromCsv('1,10\n2,9\n3,10\n4,9\n5,9').classes).toEqual(['9', '10']);
  });

  it.each([
    ['a,b\n1,x\n', /fewer than three rows/],
    ['a,b\n1,x\n2\n', /row 3 has 1 cells, but the first has 2/],
    ['a,b\n1,x\n?,y\n', /row 3, column a: "\?" is no number/],
  ])('%j is refused', (bad, message) => {
    expect(() => datasetFromCsv(bad)).toThrow(message);
  });
  it('names columns that are not there', () => {
    expect(() => datasetFromCsv(text, { label: 'sort' })).toThrow('csv: has no column sort');
  });
});

describe('NumPy files', () => {
  it('NPZ and .npy give the same; colours go from channels last to planes', async () => {
    const x = Uint8Array.from({ length: 4 * 2 * 1 * 3 }, (_, i) => i);
    const arrays = {
      'x_train.npy': encodeNpy([4, 1, 2, 3], x),
      'y_train.npy': encodeNpy([4], BigInt64Array.of(0n, 1n, 1n, 0n)),
      'x_test.npy': encodeNpy([1, 1, 2, 3], x.subarray(0, 6)),
      'y_test.npy': encodeNpy([1], Uint8Array.of(1)),
    };
    writeFileSync(path.join(folder, 'own.npz'), await encodeNpz(arrays));
    mkdirSync(path.join(folder, 'own'));
    for (const [name, bytes] of Object.entries(arrays)) writeFileSync(path.join(folder, 'own', name), bytes);
    const data = await loadNpz(path.join(folder, 'own.npz'));
    expect(data.shape).toEqual({ width: 2, height: 1, channels: 3 });
    expect([...data.test.images]).toEqual([0, 3, 1, 4, 2, 5]);
    expect((await loadNpz(path.join(folder, 'own'))).digest).toBe(data.digest);
    writeFileSync(path.join(folder, 'half.npz'), await encodeNpz({ 'x_train.npy': arrays['x_train.npy'] }));
    await expect(loadNpz(path.join(folder, 'half.npz'))).rejects.toThrow(/no array x_train or no y_train/);
  });
});

describe('folders of images', () => {
  function image(file: string, grey: number, width = 3): void {
    const png = new PNG({ width, height: 2 });
    for (let i = 0; i < png.data.length; i += 4) png.data.set([grey, grey, grey, 255], i);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, PNG.sync.write(png));
  }

  it('by class, divided or not', async () => {
    for (const part of ['train', 'test'])
      for (const [kind, grey] of [
        ['dark', 10],
        ['light', 200],
      ] as const)
        for (let i = 0; i < 2; i++) image(path.join(folder, 'images', part, kind, `${i}.png`), grey + i);
    const data = await loadImageFolder(path.join(folder, 'images'));
    expect([data.classes, data.train.count, data.test.count, data.shape]).toEqual([
      ['dark', 'light'],
      4,
      4,
      { width: 3, height: 2, channels: 1 },
    ]);
    expect([data.train.images[0], data.train.images[6], data.train.images[12]]).toEqual([10, 11, 200]);
    const flat = await loadImageFolder(path.join(folder, 'images', 'train'), { testShare: 0.5, channels: 3 });
    expect([flat.train.count, flat.test.count, flat.shape.channels]).toEqual([2, 2, 3]);
    image(path.join(folder, 'images', 'train', 'dark', '9.png'), 1, 4);
    await expect(loadImageFolder(path.join(folder, 'images'))).rejects.toThrow(/is 4 x 2 pixels/);
  });
});
