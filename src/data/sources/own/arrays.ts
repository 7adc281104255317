/** Arrays of NumPy, in one archive or as files of a folder: images, or rows of columns. Node.js only. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { PffError } from '../../../errors.js';
import { parseNpy, type NpyArray } from '../../../formats/npy.js';
import { parseNpz } from '../../../formats/npz.js';
import { byteOf, fitsRange, type Cell, type Inputs } from '../../columns.js';
import { shapeOfRow, type Dataset, type ImageShape } from '../../dataset.js';
import { readBytes } from '../files.js';
import { classesOf, labelText } from '../../readers/classes.js';
import { eachPart, type Parts } from '../../readers/parts.js';
import { datasetFromPixels } from './pixel-data.js';
import type { Reading } from '../../readers/reading.js';
import type { RawTable } from '../../readers/table.js';
import { datasetFromTables } from './table-data.js';

/** Names of the two arrays of a part, with the part's name put in; the last ones are those of a source without parts. */
const PAIRS = {
  train: [
    ['x_train', 'y_train'],
    ['X_train', 'y_train'],
    ['train_images', 'train_labels'],
    ['train_x', 'train_y'],
    ['images', 'labels'],
    ['x', 'y'],
    ['X', 'y'],
    ['data', 'target'],
    ['data', 'labels'],
    ['features', 'labels'],
  ],
  validation: [
    ['x_val', 'y_val'],
    ['X_val', 'y_val'],
    ['x_valid', 'y_valid'],
    ['val_images', 'val_labels'],
    ['val_x', 'val_y'],
  ],
  test: [
    ['x_test', 'y_test'],
    ['X_test', 'y_test'],
    ['test_images', 'test_labels'],
    ['test_x', 'test_y'],
  ],
} as const;

/** Names of arrays that may be samples or labels: others, of whatever values, are none of ours. */
const NAMES: ReadonlySet<string> = new Set(Object.values(PAIRS).flat(2));

interface Arrays {
  /** Of all that there are. */
  readonly names: readonly string[];
  readonly known: ReadonlyMap<string, NpyArray>;
}

interface Pair {
  readonly images: NpyArray;
  readonly labels: NpyArray;
}

/** Reads an archive's bytes. @throws PffError `data` */
export async function arraysOfArchive(bytes: Uint8Array, file: string): Promise<Arrays> {
  const found = await parseNpz(bytes, file);
  const ours = [...found].filter(([name]) => NAMES.has(name));
  const known = new Map(ours.map(([name, content]) => [name, parseNpy(content, `${file}: ${name}`)]));
  return { names: [...found.keys()], known };
}

/** Reads the .npy files of a folder. @throws PffError `data` */
export async function arraysOfFolder(folder: string): Promise<Arrays> {
  const files = readdirSync(folder).filter((each) => each.endsWith('.npy'));
  const names = files.map((file) => path.basename(file, '.npy'));
  const known = new Map<string, NpyArray>();
  for (const name of names) {
    if (!NAMES.has(name)) continue;
    const file = path.join(folder, `${name}.npy`);
    known.set(name, parseNpy(await readBytes(file), file));
  }
  return { names, known };
}

/** Arrays of the parts that there are. @throws PffError `data` where the arrays are no samples */
function partsOfArrays(source: string, { names: all, known }: Arrays, needs?: 'any'): Parts<Pair> {
  const pair = (part: keyof typeof PAIRS): Pair | undefined => {
    const names = PAIRS[part].find(([images, labels]) => known.has(images) && known.has(labels));
    return names && { images: known.get(names[0]) as NpyArray, labels: known.get(names[1]) as NpyArray };
  };
  // What is only to test on need not have a part to train on.
  const train = pair('train') ?? (needs === 'any' ? pair('test') : undefined);
  if (train === undefined)
    throw new PffError('data', `${source} has no pair of arrays with images and labels, only ${all.join(', ')}`, {
      hint: `Call them ${PAIRS.train
        .map((names) => names.join(' and '))
        .slice(0, 3)
        .join(', or ')}; x_test and y_test, x_val and y_val may be there, too.`,
    });
  const parts = { train, validation: pair('validation'), test: pair('test') };
  eachPart(parts, ({ images, labels }) => {
    if (images.shape[0] === 0)
      throw new PffError(
        'data',
        `${source}: a pair of arrays has no samples: images are [${images.shape.join(', ')}]`,
        {
          hint: 'Give one image or row for each sample.',
        },
      );
    if (images.shape[0] !== labels.shape[0] || images.shape.length < 2)
      throw new PffError(
        'data',
        `${source}: images are [${images.shape.join(', ')}] and labels [${labels.shape.join(', ')}]: the first numbers must be the same`,
        { hint: 'Give one label for each image or row.' },
      );
    if (images.shape.slice(1).join() !== train.images.shape.slice(1).join())
      throw new PffError(
        'data',
        `${source}: some images are [${images.shape.slice(1).join(', ')}], but those to train on [${train.images.shape.slice(1).join(', ')}]`,
        { hint: 'All images must have one size.' },
      );
  });
  return parts;
}

/** @throws PffError `data` where the arrays are no samples */
export function datasetFromNumpy(name: string, source: string, arrays: Arrays, reading: Reading): Dataset {
  const parts = partsOfArrays(source, arrays);
  return parts.train.images.shape.length === 2 && !isPixels(parts)
    ? datasetFromTables(
        name,
        eachPart(parts, (each) => asTable(each, source)),
        reading,
      )
    : fromImages(name, source, parts, reading);
}

/** What arrays hold, for a model that there is: a table, or images as it takes them, with their labels. */
export type KnownArrays =
  | { readonly table: RawTable }
  | {
      readonly shape: ImageShape;
      /** Whether each image is one row of the array. */
      readonly areRows: boolean;
      readonly images: Uint8Array;
      readonly texts: readonly string[];
    };

/** One part of the arrays. @param range what becomes 0 and 255, as the model has it. @throws PffError `data` */
export function knownArrays(source: string, arrays: Arrays, part: 'train' | 'test', inputs: Inputs): KnownArrays {
  const parts = partsOfArrays(source, arrays, 'any');
  const pair = parts[part] ?? parts.train;
  if (inputs.kind === 'columns') return { table: asTable(pair, source) };
  const { shape, channelsFirst } = shapeOf(pair.images, source);
  const { range } = inputs;
  const other = range && Array.from(pair.images.values, Number).find((value) => !fitsRange(value, range));
  if (other !== undefined)
    throw new PffError(
      'data',
      `${source}: a value of the images is ${other}, but those that were trained on were from 0 to 1`,
      {
        hint: 'Divide them by 255, if they are bytes.',
      },
    );
  const images = planes(toBytes(pair.images, range), shape, channelsFirst);
  return { shape, areRows: pair.images.shape.length === 2, images, texts: labelsOf(pair.labels, source) };
}

/** Rows of bytes, many enough to be an image each. */
function isPixels({ train: { images } }: Parts<Pair>): boolean {
  return images.values instanceof Uint8Array && (images.shape[1] as number) >= 64;
}

const LABEL = 'label';

function asTable({ images, labels }: Pair, source: string): RawTable {
  const width = images.shape[1] as number;
  const texts = labelsOf(labels, source);
  const cell = (value: number | bigint | string | undefined): Cell =>
    typeof value === 'string' ? value : Number.isNaN(Number(value)) ? null : Number(value);
  const values: ArrayLike<number | bigint | string> = images.texts ?? images.values;
  return {
    name: source,
    columns: [...Array.from({ length: width }, (_, i) => String(i + 1)), LABEL],
    hasNames: true,
    rows: texts.map((text, row) => [
      ...Array.from({ length: width }, (_, i) => cell(values[row * width + i])),
      text === 'NaN' ? null : text,
    ]),
    places: texts.map((_, row) => row + 1),
    notes: [],
  };
}

/** One text a sample: from [n], [n, 1], or one-hot [n, C]. */
function labelsOf({ shape, values, texts }: NpyArray, source: string): string[] {
  const count = shape[0] as number;
  const width = shape.slice(1).reduce((product, dim) => product * dim, 1);
  if (texts && width === 1) return texts.map(labelText);
  if (width === 1)
    return Array.from(values as ArrayLike<number | bigint>, (value) =>
      labelText(typeof value === 'bigint' ? String(value) : value),
    );
  const numbers = Array.from(values as ArrayLike<number | bigint>, Number);
  const oneHot = (row: number): number => {
    const cells = numbers.slice(row * width, (row + 1) * width);
    if (cells.filter((cell) => cell === 1).length !== 1 || !cells.every((cell) => cell === 0 || cell === 1))
      throw new PffError(
        'data',
        `${source}: labels are [${shape.join(', ')}], but row ${row + 1} has not one 1 and else 0`,
        { hint: 'Give one label a sample, or one-hot rows. Several labels a sample are not learned.' },
      );
    return cells.indexOf(1);
  };
  return Array.from({ length: count }, (_, row) => String(oneHot(row)));
}

function fromImages(name: string, source: string, pairs: Parts<Pair>, reading: Reading): Dataset {
  const { shape, channelsFirst } = shapeOf(pairs.train.images, source);
  const texts = eachPart(pairs, ({ labels }) => labelsOf(labels, source));
  eachPart(texts, (each) => {
    const none = each.indexOf('NaN');
    if (none >= 0)
      throw new PffError('data', `${source}: the label of sample ${none + 1} is NaN`, {
        hint: 'Leave out samples without a label.',
      });
  });
  const { classes, labels } = classesOf(texts, `${source}: labels`);
  const notes = channelsFirst ? ['images are taken as channel by channel: [n, channels, height, width]'] : [];
  const range = rangeOf(pairs.train.images, source, notes);
  return datasetFromPixels(
    {
      name,
      shape,
      classes,
      parts: eachPart(
        { train: 'train', validation: pairs.validation && 'validation', test: pairs.test && 'test' } as const,
        (part) => ({
          images: planes(toBytes((pairs[part] as Pair).images, range), shape, channelsFirst),
          labels: labels(texts[part] as string[]),
        }),
      ),
      notes,
      inputs: { kind: 'image', shape, range },
    },
    reading,
  );
}

const CHANNELS = new Set([1, 3, 4]);

interface Layout {
  readonly shape: ImageShape;
  /** [n, channels, height, width], as PyTorch has them. */
  readonly channelsFirst: boolean;
}

function shapeOf({ shape }: NpyArray, source: string): Layout {
  const [, a = 0, b = 0, c = 0] = shape;
  if (shape.length === 2) return { shape: shapeOfRow(a), channelsFirst: true };
  if (shape.length === 3) return { shape: { width: b, height: a, channels: 1 }, channelsFirst: true };
  if (shape.length === 4)
    // Where both could be, channels last is what NumPy programs have.
    return CHANNELS.has(a) && !CHANNELS.has(c)
      ? { shape: { width: c, height: b, channels: a }, channelsFirst: true }
      : { shape: { width: b, height: a, channels: c }, channelsFirst: false };
  throw new PffError('data', `${source}: images are [${shape.join(', ')}], which is no list of images`, {
    hint: 'Give [n, size], [n, height, width] or [n, height, width, channels].',
  });
}

/**
 * What becomes 0 and 255: undefined for bytes; 0 and 1 for floats within them; 0 and 255 for whole numbers within them; 0 and the most of
 * the training images for fractions from 0 to 255; else the least and most of the training images.
 */
function rangeOf(
  { values, isBoolean }: NpyArray,
  source: string,
  notes: string[],
): readonly [number, number] | undefined {
  if (isBoolean) return [0, 1];
  if (values instanceof Uint8Array) return undefined;
  let [low, high, areWhole] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true];
  for (const value of values) {
    const number = Number(value);
    if (!Number.isFinite(number))
      throw new PffError('data', `${source}: a value of the images is ${number}`, { hint: 'Give finite numbers.' });
    low = Math.min(low, number);
    high = Math.max(high, number);
    areWhole &&= Number.isInteger(number);
  }
  const floats = values instanceof Float32Array || values instanceof Float64Array;
  if (floats && low >= 0 && high <= 1) return [0, 1];
  const withinBytes = low >= 0 && high <= 255;
  if (withinBytes && high > 1 && areWhole) return [0, 255];
  if (low === high)
    throw new PffError('data', `${source}: all values of the training images are ${low}`, { hint: 'Check the array.' });
  notes.push(`values of the images, ${low} to ${high} in training, are scaled to 0 … 255`);
  // Fractions are not meant as bytes: images meant as 0 … 1 that go a little beyond 1 would all become 0 or 1.
  return withinBytes && !areWhole ? [0, high] : [low, high];
}

/** A value as a byte, given what is 0 and 255. */
function toBytes({ values }: NpyArray, range: readonly [number, number] | undefined): Uint8Array {
  if (range === undefined && values instanceof Uint8Array) return values;
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) bytes[i] = byteOf(Number(values[i]), range ?? [0, 255]);
  return bytes;
}

/** From channels last to channel by channel. */
function planes(values: Uint8Array, { channels, width, height }: ImageShape, channelsFirst: boolean): Uint8Array {
  if (channels === 1 || channelsFirst) return values;
  const pixels = width * height;
  const out = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const image = Math.floor(i / (channels * pixels));
    const pixel = Math.floor(i / channels) % pixels;
    out[(image * channels + (i % channels)) * pixels + pixel] = values[i] as number;
  }
  return out;
}
