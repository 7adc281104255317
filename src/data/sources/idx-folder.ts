/** The four IDX files of a dataset in MNIST's form: their names, finding them in a folder, reading them. */
import { PffError } from '../../errors.js';
import type { Dataset, ImageShape, Samples } from '../dataset.js';
import { findFile, md5, readBytes } from './files.js';
import { checkCounts, parseIdxImages, parseIdxLabels } from '../idx.js';
import { assembleDataset, toShared } from '../assemble.js';

/** The standard names; each may also be spelled `train-images.idx3-ubyte`, and end in .gz. */
export const IDX_FILES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
] as const;
export type IdxFileName = (typeof IDX_FILES)[number];
/** A part of a dataset that must be there, where the other one may be missing. */
export type NeededPart = 'train' | 'test';

/** The files that must be there; all four without a part. */
export function neededFiles(needs?: NeededPart): readonly IdxFileName[] {
  if (needs === undefined) return IDX_FILES;
  return IDX_FILES.filter((file) => file.startsWith(needs === 'train' ? 'train' : 't10k'));
}

export interface IdxFolderOptions {
  readonly name: string;
  /** Where to look, in this order. */
  readonly folders: readonly string[];
  /** What to do if files are missing. */
  readonly hint: string;
  /** Names of the classes, which fixes their number; without them they are 0 … highest label. */
  readonly classes?: readonly string[];
  /** The size that images must have; without it the training images say. */
  readonly shape?: ImageShape;
  /** MD5 of the unpacked files, checked if given. */
  readonly md5?: Readonly<Record<IdxFileName, string>>;
  /** The part that is used: the other one has no samples if its files are not there. */
  readonly needs?: NeededPart | undefined;
}

/** All spellings of a standard name. */
export function spellings(name: IdxFileName): string[] {
  const dotted = name.replace('-idx', '.idx');
  return [name, `${name}.gz`, dotted, `${dotted}.gz`];
}

/**
 * Reads the dataset.
 * @throws PffError `data`: a file is missing, damaged, of the wrong size, or does not fit the others.
 */
export async function loadIdxFolder(options: IdxFolderOptions): Promise<Dataset> {
  const pathOf = await findFiles(options);
  const foundTrain = await readSplit(options, pathOf, 'train-images-idx3-ubyte', 'train-labels-idx1-ubyte');
  const foundTest = await readSplit(options, pathOf, 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte');
  // One of them is needed, and so is there.
  const train = foundTrain ?? withoutSamples(foundTest as Split);
  const test = foundTest ?? withoutSamples(train);
  const { shape } = train;
  if (test.shape.width !== shape.width || test.shape.height !== shape.height)
    throw new PffError(
      'data',
      `training images in ${pathOf('train-images-idx3-ubyte')} are ${sizeText(shape)}, but test images in ${pathOf('t10k-images-idx3-ubyte')} are ${sizeText(test.shape)}`,
      { hint: 'All images of a dataset must have one size.' },
    );
  return assembleDataset(
    options.name,
    shape,
    options.classes ?? numberedClasses(options, train.samples, test.samples),
    train.samples,
    test.samples,
  );
}

interface Split {
  readonly shape: ImageShape;
  readonly samples: Samples;
}

function withoutSamples({ shape }: Split): Split {
  return { shape, samples: { count: 0, images: toShared(new Uint8Array()), labels: toShared(new Uint8Array()) } };
}

type PathOf = (file: IdxFileName) => string | undefined;

/** Where each file lies, by its standard name. */
async function findFiles({ name, folders, hint, needs }: IdxFolderOptions): Promise<PathOf> {
  const paths = new Map<IdxFileName, string>();
  for (const file of IDX_FILES) {
    const path = await findFile(folders, spellings(file));
    if (path !== undefined) paths.set(file, path);
  }
  const missing = neededFiles(needs).filter((file) => !paths.has(file));
  if (missing.length > 0)
    throw new PffError(
      'data',
      `dataset ${name}: ${missing.join(', ')} not found (also with .gz) in ${folders.join(' or ')}`,
      { hint },
    );
  return (file) => paths.get(file);
}

async function readSplit(
  options: IdxFolderOptions,
  pathOf: PathOf,
  imagesFile: IdxFileName,
  labelsFile: IdxFileName,
): Promise<Split | undefined> {
  const imagesPath = pathOf(imagesFile);
  const labelsPath = pathOf(labelsFile);
  if (imagesPath === undefined || labelsPath === undefined) return undefined;
  const { count, width, height, images } = parseIdxImages(
    await readChecked(options, imagesFile, imagesPath),
    imagesPath,
  );
  const labels = parseIdxLabels(
    await readChecked(options, labelsFile, labelsPath),
    labelsPath,
    options.classes?.length,
  );
  checkCounts(count, imagesPath, labels.length, labelsPath);
  const shape = { width, height, channels: 1 };
  const wanted = options.shape;
  if (wanted !== undefined && (wanted.width !== width || wanted.height !== height))
    throw new PffError(
      'data',
      `${imagesPath}: images of ${options.name} are ${sizeText(wanted)}, but these are ${sizeText(shape)}`,
      {
        hint: 'For images of your own use --dataset idx.',
      },
    );
  return { shape, samples: { count, images: toShared(images), labels: toShared(labels) } };
}

async function readChecked(options: IdxFolderOptions, file: IdxFileName, path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  const expected = options.md5?.[file];
  const found = expected === undefined ? undefined : md5(bytes);
  if (found !== expected)
    throw new PffError(
      'data',
      `${path}: MD5 is ${found}, but the original file's is ${expected}: the file was changed or damaged`,
      {
        hint: options.hint,
      },
    );
  return bytes;
}

function numberedClasses({ name }: IdxFolderOptions, train: Samples, test: Samples): string[] {
  const counts = new Uint32Array(256);
  const numbered = train.count > 0 ? train : test;
  for (const label of numbered.labels) counts[label] = (counts[label] ?? 0) + 1;
  const highest = Math.max(
    counts.findLastIndex((count) => count > 0),
    test.labels.length === 0 ? 0 : [...test.labels].reduce((most, label) => Math.max(most, label)),
  );
  if (highest === 0)
    throw new PffError('data', `dataset ${name}: every label is 0, so there is only one class`, {
      hint: 'Give labels of at least two classes, counted from 0.',
    });
  // A damaged label byte would otherwise quietly make a network of 200 classes out of one of ten.
  const empty = counts.subarray(0, highest).filter((count) => count === 0).length;
  if (highest >= 10 && empty > highest / 2)
    throw new PffError(
      'data',
      `dataset ${name}: labels go up to ${highest}, but ${empty} of the labels below have no training image`,
      {
        hint: 'Number the classes from 0 without gaps; if they are, a label file is damaged.',
      },
    );
  return Array.from({ length: highest + 1 }, (_, label) => String(label));
}

function sizeText({ width, height }: ImageShape): string {
  return `${width} x ${height} pixels`;
}
