/** Files of the very form that a model was trained on are taken again: NumPy arrays, tables of pixels, images of other sizes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, describe, expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import { rowsForInputs } from '../../src/data/readers/rows-for-inputs.js';
import { USUAL_READING, type Reading } from '../../src/data/readers/reading.js';
import { loadKnownData } from '../../src/data/sources/own/known-data.js';
import { loadOwnData } from '../../src/data/sources/own/own-data.js';
import { userImage } from '../../src/data/sources/own/user-image.js';
import { encodeNpy } from '../../src/formats/npy.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-same-form-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function arrays(name: string, images: Float32Array | Uint8Array, width: number): string {
  const place = path.join(folder, name);
  const count = images.length / width;
  mkdirSync(place);
  writeFileSync(path.join(place, 'x.npy'), encodeNpy([count, width], images));
  writeFileSync(
    path.join(place, 'y.npy'),
    encodeNpy(
      [count],
      Uint8Array.from({ length: count }, (_, i) => i % 2),
    ),
  );
  return place;
}

/** All of what was trained on, as the model takes it. */
async function again(
  place: string,
  more: Partial<Reading> = {},
): Promise<{ readonly trained: Dataset; readonly known: Dataset }> {
  const trained = await loadOwnData(place, { ...USUAL_READING, ...more });
  const { inputs, classes } = trained;
  const reading = { part: 'test', unknown: 'refuse', missing: 'refuse', labelColumn: more.labelColumn ?? '' } as const;
  return { trained, known: await loadKnownData(place, { inputs: inputs!, classes }, reading) };
}

describe('NumPy', () => {
  it('rows with a column that is always the same', async () => {
    const place = arrays(
      'constant',
      Float32Array.from({ length: 40 * 3 }, (_, i) => (i % 3 === 1 ? 7 : i / 10)),
      3,
    );
    const { trained, known } = await again(place);
    expect(trained.shape.width).toBe(2);
    expect(known.test.count).toBe(40);
  });

  it.each([
    ['floats', (values: Uint8Array) => Float32Array.from(values)],
    ['bytes', (values: Uint8Array) => values],
  ])('rows of 64 pixels as %s are images of 8 x 8', async (name, as) => {
    const values = Uint8Array.from({ length: 40 * 64 }, (_, i) => (i * 7) % 256);
    const { trained, known } = await again(arrays(name, as(values), 64));
    expect(trained.shape).toEqual({ width: 8, height: 8, channels: 1 });
    expect([...known.test.images]).toEqual([...values]);
  });
});

describe('a table of pixels', () => {
  const row = (i: number): string[] => Array.from({ length: 64 }, (_, p) => String((i * p * 5 + p) % 256));
  it.each([
    ['of a name of its own, last', 'digit', (label: string, cells: string[]) => [...cells, label]],
    ['of a usual name, first', 'class', (label: string, cells: string[]) => [label, ...cells]],
  ])('with a column of classes %s', async (_, name, join) => {
    const place = path.join(folder, `${name}.csv`);
    const names = Array.from({ length: 64 }, (__, p) => `pixel${p}`);
    writeFileSync(
      place,
      [join(name, names), ...Array.from({ length: 40 }, (__, i) => join(`k${i % 3}`, row(i)))].join('\n'),
    );
    const { trained, known } = await again(place, { labelColumn: name === 'digit' ? 'digit' : '' });
    expect(trained.classes).toEqual(['k0', 'k1', 'k2']);
    expect(known.test.count).toBe(40);
    const bytes = new TextEncoder().encode([join(name, names), join('k2', row(5))].join('\n'));
    const [found] = await rowsForInputs({ kind: 'delimited', bytes }, 'rows.csv', trained.inputs!);
    expect(found).toMatchObject({ cells: row(5), truth: 'k2' });
  });

  it('whose column of classes is called as most call it, whatever it was called in training', async () => {
    const names = Array.from({ length: 64 }, (_, p) => `pixel${p}`);
    const place = path.join(folder, 'other-name.csv');
    writeFileSync(
      place,
      [['digit', ...names], ...Array.from({ length: 40 }, (_, i) => [`k${i % 3}`, ...row(i)])].join('\n'),
    );
    const { inputs } = await loadOwnData(place, { ...USUAL_READING, labelColumn: 'digit' });
    const bytes = new TextEncoder().encode(
      [
        ['label', ...names],
        ['k1', ...row(4)],
      ].join('\n'),
    );
    const [found] = await rowsForInputs({ kind: 'delimited', bytes }, 'rows.csv', inputs!);
    expect(found).toMatchObject({ cells: row(4), truth: 'k1' });
  });

  it('without names, its classes in the first column', async () => {
    const place = path.join(folder, 'nameless.csv');
    writeFileSync(place, Array.from({ length: 40 }, (_, i) => [`k${i % 3}`, ...row(i)]).join('\n'));
    const { known } = await again(place, { labelColumn: '1' });
    expect(known.test.count).toBe(40);
  });
});

describe('images of another size', () => {
  const image = (width: number, height: number, rgba: (x: number, y: number) => readonly number[]): Buffer => {
    const png = new PNG({ width, height });
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) png.data.set(rgba(x, y), 4 * (y * width + x));
    return PNG.sync.write(png);
  };
  const wide = (k: number): Buffer => image(16, 8, (x, y) => [x * 15, y * 20, k * 90, x < 4 ? 100 : 255]);

  it('are predicted as they were trained on', async () => {
    const place = path.join(folder, 'photos');
    for (const k of [0, 1]) {
      mkdirSync(path.join(place, `k${k}`), { recursive: true });
      for (let i = 0; i < 4; i++) writeFileSync(path.join(place, `k${k}`, `${i}.png`), wide(k));
    }
    const { trained, known } = await again(place, { imageSize: '4x4' });
    const { inputs } = trained;
    if (inputs?.kind !== 'image') throw new Error('no images');
    const { pixels, remarks } = await userImage(wide(0), 'wide.png', { ...inputs, edge: 0 });
    expect([...pixels]).toEqual([...known.test.images.subarray(0, 48)]);
    expect(remarks).toContain('scaled from 16 x 8 to 4 x 4 pixels');
    const kept = await userImage(wide(0), 'wide.png', { ...inputs, edge: 0, stretched: false });
    expect(kept.remarks).toContain('scaled from 16 x 8 to 4 x 4 pixels, with background beside it');
  });
});
