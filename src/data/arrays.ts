/** Datasets from what a program has in memory: arrays of images and labels, or batches that come one after the other. */
import { MOST_CLASSES, sharedLabelsFrom } from './label-array.js';
import { PffError } from '../errors.js';
import { checkOptions } from '../known-options.js';
import { RandomStream } from '../random.js';
import { imageSize, sharedBytes, type Dataset, type ImageShape, type Samples } from './dataset.js';
import { assembleDataset } from './assemble.js';
import { checkClassNames, checkShape } from './well-formed.js';

/** Images [n, size], channel by channel: bytes 0 … 255, or floats 0 … 1, which are rounded to bytes. And their labels [n]. */
export interface LabelledImages {
  readonly images: Uint8Array | Uint8ClampedArray | Float32Array | Float64Array;
  readonly labels: ArrayLike<number>;
}

/** Images and labels in memory, and what makes a dataset of them. */
export interface OwnData {
  readonly name: string;
  readonly shape: ImageShape;
  /** Names of the classes; without them they are 0 … highest label, or 1 … highest label where no sample has label 0. */
  readonly classes?: readonly string[] | undefined;
  /** They stay in their order, by which `trainSamples` and `validationSamples` of a spec take them: mix the classes. */
  readonly train: LabelledImages;
  /** Without it, the share `testShare` of the training samples is set aside. */
  readonly test?: LabelledImages | undefined;
  /** 0.2 by default. Which samples these are depends on `splitSeed` only. */
  readonly testShare?: number | undefined;
  readonly splitSeed?: number | undefined;
  /** What the source left out, in sentences for people. */
  readonly notes?: readonly string[] | undefined;
}

/** A dataset from arrays. They are copied. @throws PffError `data` where sizes or labels do not fit. */
export function datasetFromArrays(own: OwnData): Dataset {
  checkOptions('datasetFromArrays', own, {
    name: true,
    shape: true,
    classes: true,
    train: true,
    test: true,
    testShare: true,
    splitSeed: true,
    notes: true,
  });
  checkOwn(own);
  const { name, shape } = own;
  const all = [own.train, ...(own.test ? [own.test] : [])].flatMap(({ labels }) => Array.from(labels));
  if (own.classes === undefined && startsAtOne(all)) return datasetFromArrays(fromZero(own, all));
  const [train, test] = own.test ? [own.train, own.test] : split(own);
  const labels = [...Array.from(train.labels), ...Array.from(test.labels)];
  const count = own.classes?.length ?? MOST_CLASSES;
  const wrong = labels.find((label) => !Number.isInteger(label) || label < 0 || label >= count);
  if (wrong !== undefined || count > MOST_CLASSES)
    throw new PffError(
      'data',
      `${name}: label ${wrong ?? count} is none of at most ${Math.min(count, MOST_CLASSES)} classes`,
      {
        hint: 'Labels are whole numbers from 0 to the number of classes - 1, at most 65,535.',
      },
    );
  const highest = labels.reduce((most, label) => Math.max(most, label), 0);
  const classes = own.classes ?? Array.from({ length: highest + 1 }, (_, label) => String(label));
  return assembleDataset(
    name,
    shape,
    classes,
    toSamples(name, shape, classes.length, train),
    toSamples(name, shape, classes.length, test),
    own.notes,
  );
}

/** Before any of it is used: a program without types may give anything. */
function checkOwn({ name, shape, classes, train, test }: OwnData): void {
  if (typeof name !== 'string')
    throw new PffError('data', `the name of a dataset must be a text, but is ${typeof name}`);
  checkShape(name, shape);
  if (classes !== undefined) checkClassNames(name, classes);
  checkLabelled(`${name}: train`, train);
  if (test !== undefined) checkLabelled(`${name}: test`, test);
}

/** @throws PffError `data` unless there are images and labels. */
function checkLabelled(what: string, given: unknown): void {
  const { images, labels } = (given ?? {}) as Partial<Record<keyof LabelledImages, unknown>>;
  const isList = (values: unknown): boolean => Array.isArray(values) || ArrayBuffer.isView(values);
  const hasLength = typeof labels === 'object' && labels !== null && 'length' in labels;
  if (isList(images) && hasLength && Number.isInteger(labels.length)) return;
  throw new PffError('data', `${what} must have arrays of images and labels`, {
    hint: 'Give { images: Uint8Array, labels: number[] }.',
  });
}

/** Labels 1 … n without a gap: counted from 1, so that a class 0 would never have a sample. */
function startsAtOne(labels: readonly number[]): boolean {
  const found = new Set(labels);
  return (
    found.size > 1 &&
    found.size <= MOST_CLASSES &&
    !found.has(0) &&
    [...found].every((label) => label >= 1 && label <= found.size)
  );
}

function fromZero(own: OwnData, labels: readonly number[]): OwnData {
  const highest = new Set(labels).size;
  const lower = (from: LabelledImages): LabelledImages => ({
    ...from,
    labels: Array.from(from.labels, (label) => label - 1),
  });
  return {
    ...own,
    classes: Array.from({ length: highest }, (_, label) => String(label + 1)),
    train: lower(own.train),
    ...(own.test ? { test: lower(own.test) } : {}),
    notes: [...(own.notes ?? []), `labels are counted from 1 to ${highest}: these are ${highest} classes`],
  };
}

/** A dataset from batches, each as `LabelledImages`, that are read to their end. @throws PffError as `datasetFromArrays` */
export async function datasetFromBatches(
  own: Omit<OwnData, 'train' | 'test'> & {
    readonly train: AsyncIterable<LabelledImages> | Iterable<LabelledImages>;
    readonly test?: AsyncIterable<LabelledImages> | Iterable<LabelledImages> | undefined;
  },
): Promise<Dataset> {
  const { train, test, ...rest } = own;
  return datasetFromArrays({
    ...rest,
    train: await collect(`${own.name}: train`, train),
    ...(test === undefined ? {} : { test: await collect(`${own.name}: test`, test) }),
  });
}

async function collect(
  what: string,
  batches: AsyncIterable<LabelledImages> | Iterable<LabelledImages>,
): Promise<LabelledImages> {
  const parts: Uint8Array[] = [];
  const labels: number[] = [];
  if (!(Symbol.asyncIterator in Object(batches) || Symbol.iterator in Object(batches)))
    throw new PffError('data', `${what} must be batches that can be iterated over, but is ${typeof batches}`, {
      hint: 'Give an array of batches, or what a generator yields.',
    });
  for await (const batch of batches) {
    checkLabelled(`${what}: each batch`, batch);
    parts.push(toBytes(batch.images));
    for (const label of Array.from(batch.labels)) labels.push(label);
  }
  const images = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    images.set(part, at);
    at += part.length;
  }
  return { images, labels };
}

/** Training and test part of the training samples, by a keyed order. */
function split({ name, shape, train, testShare = 0.2, splitSeed = 1 }: OwnData): [LabelledImages, LabelledImages] {
  checkSize(name, shape, train);
  const size = imageSize(shape);
  const count = train.labels.length;
  const held = Math.round(count * testShare);
  if (!(held > 0 && held < count))
    throw new PffError(
      'data',
      `${name}: a share of ${testShare} of ${count} samples leaves nothing to train or to test on`,
      {
        hint: 'Give test samples, or a testShare between 0 and 1.',
      },
    );
  const order = new RandomStream(splitSeed, 'shards', 0xffffffff).permutation(count);
  const pick = (rows: Uint32Array): LabelledImages => {
    const bytes = toBytes(train.images);
    const images = new Uint8Array(rows.length * size);
    rows.forEach((row, i) => images.set(bytes.subarray(row * size, (row + 1) * size), i * size));
    return { images, labels: Array.from(rows, (row) => train.labels[row] as number) };
  };
  // In the order in which they were given, so that the same rows give the same bits however they were drawn.
  return [pick(order.slice(held).sort()), pick(order.slice(0, held).sort())];
}

/** @throws PffError `data` unless there is a label for each image, and an image for each label. */
function checkSize(name: string, shape: ImageShape, { images, labels }: LabelledImages): void {
  const count = labels.length;
  const size = imageSize(shape);
  if (count === 0 || images.length !== count * size)
    throw new PffError(
      'data',
      `${name}: ${count} labels and images of ${shape.width} x ${shape.height} x ${shape.channels} need ${count * size} values, but there are ${images.length}`,
      { hint: 'Give one label for each image, and at least one of both.' },
    );
}

function toSamples(name: string, shape: ImageShape, classes: number, part: LabelledImages): Samples {
  checkSize(name, shape, part);
  const { images, labels } = part;
  const bytes = sharedBytes(images.length);
  bytes.set(toBytes(images));
  return { count: labels.length, images: bytes, labels: sharedLabelsFrom(labels, classes) };
}

function toBytes(values: LabelledImages['images']): Uint8Array {
  if (values instanceof Uint8Array) return values;
  // Pixels as a canvas has them.
  if (values instanceof Uint8ClampedArray) return new Uint8Array(values);
  const wrong = values.findIndex((value) => typeof value !== 'number' || !(value >= 0 && value <= 1));
  if (wrong >= 0)
    throw new PffError('data', `value ${wrong} of the images is ${values[wrong]}, but floats must be 0 … 1`, {
      hint: 'Scale the values, or give bytes 0 … 255 as a Uint8Array.',
    });
  return Uint8Array.from(values, (value) => Math.round(value * 255));
}
