/** A model that was loaded: what it takes and refuses, and what is still answered when it is closed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { PffError } from '../../src/errors.js';
import { loadModel, type Model } from '../../src/run/model.js';
import { trainToEnd } from '../../src/run/train.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const PIXELS = 36;
const image = Uint8Array.from({ length: PIXELS }, (_, p) => p * 7);
let folder = '';
const at = (run: string): string => path.join(folder, run);
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-loaded-'));
  await trainToEnd({ spec: toySpec({ epochs: 1, layers: [PIXELS, 8, 8] }), out: at('images') }, toyDataset());
  const rows = Array.from({ length: 40 }, (_, i) => `${i % 7},${i % 3},${i % 2}`);
  writeFileSync(at('table.csv'), ['x,y,class', ...rows].join('\n'));
  await trainToEnd({ data: at('table.csv'), spec: { layers: [0, 8, 8], epochs: 1 }, out: at('table') });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function opened(run: string): Promise<Model> {
  const model = await loadModel(at(run));
  onTestFinished(() => model.close());
  return model;
}

it('takes bytes, those of a canvas too, floats, and rows of pixels', async () => {
  const model = await opened('images');
  const expected = await model.predict(image);
  expect(await model.predict(new Uint8ClampedArray(image))).toEqual(expected);
  expect(await model.predict(Buffer.from(image))).toEqual(expected);
  expect(await model.predictRows([[...image], Object.fromEntries(image.entries())])).toEqual([
    ...expected,
    ...expected,
  ]);
  expect(await model.predict(new Float32Array(PIXELS).fill(0.5))).toHaveLength(1);
});

it('takes rows of fractions as they were in training, where pixels were fractions', async () => {
  const data = toyDataset();
  const inputs = { kind: 'image', shape: data.shape, range: [0, 1] } as const;
  await trainToEnd({ spec: toySpec({ epochs: 1, layers: [PIXELS, 8, 8] }), out: at('fractions') }, { ...data, inputs });
  const model = await opened('fractions');
  expect(await model.predictRows([Array.from(image, (value) => value / 255)])).toEqual(await model.predict(image));
  // They would all be white.
  await expect(model.predictRows([[...image]])).rejects.toThrow(/is no pixel as those of training, from 0 to 1/);
});

type Asked = (model: Model) => Promise<unknown>;
/** As a program without types may call it. */
const loose = (given: unknown): never => given as never;

it.each<[string, string, Asked, RegExp]>([
  ['nothing', 'images', (m) => m.predict(loose(undefined)), /values must be .* but what was given is undefined/],
  [
    'a list of numbers',
    'images',
    (m) => m.predict(loose([...image])),
    /values must be .* but what was given is a list/,
  ],
  ['a text', 'images', (m) => m.predict(loose('abc')), /values must be .* but what was given is a string/],
  ['16-bit values', 'images', (m) => m.predict(loose(new Uint16Array(PIXELS))), /but what was given is a Uint16Array/],
  ['f64 values', 'images', (m) => m.predict(loose(new Float64Array(PIXELS))), /but what was given is a Float64Array/],
  ['NaN', 'images', (m) => m.predict(new Float32Array(PIXELS).fill(NaN, 5)), /value 5 is NaN, which is no finite/],
  ['no rows', 'images', (m) => m.predictRows(loose(undefined)), /rows must be an array/],
  ['a row of null', 'images', (m) => m.predictRows(loose([null])), /row 1, it is null, but a row is/],
  ['a number as a row', 'table', (m) => m.predictRows(loose([[1, 2], 5])), /row 2, it is 5, but a row is/],
  [
    'a pixel in a list',
    'images',
    (m) => m.predictRows([Array.from({ length: PIXELS }, () => [7])]),
    /value 1 is an object, which is no/,
  ],
  ['true as a pixel', 'images', (m) => m.predictRows([Array(PIXELS).fill(true)]), /value 1 is true, which is no pixel/],
  [
    'a pixel too large',
    'images',
    (m) => m.predictRows([Array(PIXELS).fill(300n)]),
    /value 1 is 300, which is no pixel/,
  ],
  [
    'a pixel of a fraction',
    'images',
    (m) => m.predictRows([Array(PIXELS).fill(0.98)]),
    /value 1 is 0.98, which is no pixel/,
  ],
  ['an infinite cell', 'table', (m) => m.predictRows([[Infinity, 1]]), /Infinity/],
  ['a path of an image', 'images', (m) => m.predictImage(loose('digit.png')), /must be the bytes of an image file/],
])('refuses %s', async (_, run, ask, message) => {
  const error: unknown = await ask(await opened(run)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PffError);
  expect(error).toMatchObject({ code: 'data', message: expect.stringMatching(message) });
});

it('answers what was asked before it is closed, and nothing after', async () => {
  const model = await loadModel(at('images'));
  const asked = [1, 2, 3].map(() => model.predict(image));
  const closing = model.close();
  expect((await Promise.all(asked)).map((answers) => answers.length)).toEqual([1, 1, 1]);
  await closing;
  await expect(model.predict(image)).rejects.toMatchObject({ code: 'usage', message: 'the model is closed' });
  await expect(model.predictRows([[...image]])).rejects.toThrow('the model is closed');
  await expect(model.predictImage(image)).rejects.toThrow('the model is closed');
});
