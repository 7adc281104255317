/** A dataset from NumPy's files: x_train, y_train, x_test, y_test in one NPZ (as Keras has MNIST), or as .npy files. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { PffError } from '../../errors.js';
import { checkOptions, checkText } from '../../known-options.js';
import { imageSize, type Dataset, type ImageShape } from '../dataset.js';
import { readBytes } from './files.js';
import { parseNpy, type NpyArray } from '../../formats/npy.js';
import { parseNpz } from '../../formats/npz.js';
import { datasetFromArrays, type LabelledImages, type OwnData } from '../arrays.js';

export interface NpzDataOptions extends Pick<OwnData, 'testShare' | 'splitSeed' | 'classes'> {
  /** `false` reads a damaged archive without comparing its CRC-32 sums. */
  readonly verify?: boolean | undefined;
}

/**
 * Reads `file`, an NPZ archive, or a folder with the four arrays as .npy files; x_test and y_test may be left out. Images are
 * [n, size], [n, height, width] or [n, height, width, channels]: bytes 0 … 255 or floats 0 … 1. Labels are [n].
 * @throws PffError `data`
 */
export async function loadNpz(file: string, given: NpzDataOptions = {}): Promise<Dataset> {
  checkOptions('loadNpz', given, { testShare: true, splitSeed: true, classes: true, verify: true });
  checkText('the file of loadNpz', file);
  const { verify, ...options } = given;
  const isArchive = file.endsWith('.npz');
  const arrays = isArchive ? await parseNpz(await readBytes(file), file, { verify }) : undefined;
  const read = async (name: string): Promise<NpyArray | undefined> => {
    const single = path.join(file, `${name}.npy`);
    const bytes = arrays ? arrays.get(name) : existsSync(single) ? await readBytes(single) : undefined;
    return bytes && parseNpy(bytes, `${file}: ${name}`);
  };
  const pair = async (part: 'train' | 'test'): Promise<[NpyArray, NpyArray] | undefined> => {
    const [images, labels] = [await read(`x_${part}`), await read(`y_${part}`)];
    if (images && labels) return [images, labels];
    if (part === 'test' && !images && !labels) return undefined;
    throw new PffError('data', `${file}: there is no array x_${part} or no y_${part}`, {
      hint: 'Save them with numpy.savez(file, x_train=…, y_train=…, x_test=…, y_test=…).',
    });
  };
  const train = (await pair('train')) as [NpyArray, NpyArray];
  const test = await pair('test');
  const { shape, channelsFirst } = shapeOf(train[0], file);
  if (test) {
    const other = shapeOf(test[0], file);
    const same =
      imageSize(other.shape) === imageSize(shape) &&
      other.shape.width === shape.width &&
      other.shape.channels === shape.channels &&
      other.channelsFirst === channelsFirst;
    if (!same)
      throw new PffError(
        'data',
        `${file}: training images are [${train[0].shape.join(', ')}], but test images [${test[0].shape.join(', ')}]`,
        { hint: 'Both must have the same size, and the channels in the same place.' },
      );
  }
  return datasetFromArrays({
    ...options,
    name: path.basename(file, '.npz'),
    shape,
    train: toImages(train, shape, channelsFirst, file),
    ...(test ? { test: toImages(test, shape, channelsFirst, file) } : {}),
    notes: channelsFirst ? ['images are taken as channel by channel: [n, channels, height, width]'] : [],
  });
}

interface Layout {
  readonly shape: ImageShape;
  /** [n, channels, height, width], as PyTorch has them. */
  readonly channelsFirst: boolean;
}

const CHANNELS = new Set([1, 3, 4]);

function shapeOf({ shape }: NpyArray, file: string): Layout {
  const [, a, b, c] = shape;
  if (shape.length === 2 && a) return { shape: { width: a, height: 1, channels: 1 }, channelsFirst: false };
  if (shape.length === 3 && a && b) return { shape: { width: b, height: a, channels: 1 }, channelsFirst: false };
  if (shape.length === 4 && a && b && c) {
    // Where both could be, channels last is what NumPy programs have.
    const channelsFirst = CHANNELS.has(a) && !CHANNELS.has(c);
    return channelsFirst
      ? { shape: { width: c, height: b, channels: a }, channelsFirst }
      : { shape: { width: b, height: a, channels: c }, channelsFirst };
  }
  throw new PffError('data', `${file}: images are [${shape.join(', ')}], which is no list of images`, {
    hint: 'Give [n, size], [n, height, width] or [n, height, width, channels].',
  });
}

function toImages(
  [images, labels]: [NpyArray, NpyArray],
  shape: ImageShape,
  channelsFirst: boolean,
  file: string,
): LabelledImages {
  if (labels.shape.length !== 1)
    throw new PffError('data', `${file}: labels are [${labels.shape.join(', ')}], but must be a list [n]`, {
      hint: 'Give one whole number a sample: y.argmax(1) for one-hot labels, y.ravel() for a column.',
    });
  const { values } = images;
  if (!(values instanceof Uint8Array || values instanceof Float32Array || values instanceof Float64Array))
    throw new PffError('data', `${file}: images must be bytes or floats`, { hint: 'Convert with astype("uint8").' });
  // Black and white, not black and nearly black.
  const bright = images.isBoolean === true ? values.map((value) => value * 255) : values;
  return {
    images: channelsFirst ? bright : planes(bright, shape),
    labels: Array.from(labels.values, Number),
  };
}

/** From channels last, as NumPy programs have them, to channel by channel. */
function planes<T extends Uint8Array | Float32Array | Float64Array>(values: T, shape: ImageShape): T {
  const { channels, width, height } = shape;
  if (channels === 1) return values;
  const pixels = width * height;
  const out = values.slice() as T;
  for (let i = 0; i < values.length; i++) {
    const channel = i % channels;
    const pixel = Math.floor(i / channels) % pixels;
    const image = Math.floor(i / (channels * pixels));
    out[(image * channels + channel) * pixels + pixel] = values[i] as number;
  }
  return out;
}
