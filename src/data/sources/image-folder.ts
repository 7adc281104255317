/** A dataset from PNG images in a folder for each class. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, PffError } from '../../errors.js';
import { imageSize, type Dataset, type ImageShape } from '../dataset.js';
import { decodePng } from './image-file.js';
import { readBytes } from './files.js';
import { pngSize } from './png.js';
import { datasetFromArrays, type LabelledImages, type OwnData } from '../arrays.js';

/**
 * Reads `folder/train/CLASS/*.png` and `folder/test/CLASS/*.png`, or `folder/CLASS/*.png` with a share set aside for
 * testing. All images must have the size of the first one; classes are the folders' names, sorted.
 * @param options `channels`: 1 for grey (the default), 3 for colour.
 * @throws PffError `data`
 */
export async function loadImageFolder(
  folder: string,
  options: Pick<OwnData, 'testShare' | 'splitSeed'> & { readonly channels?: 1 | 3 | undefined } = {},
): Promise<Dataset> {
  const names = await subfolders(folder);
  const divided = names.includes('train') && names.includes('test');
  const root = divided ? path.join(folder, 'train') : folder;
  const classes = divided ? await subfolders(root) : names;
  if (classes.length < 2)
    throw new PffError('data', `${root} has ${classes.length} folders, but a dataset needs two classes or more`, {
      hint: 'Put the images of each class into a folder of its own.',
    });
  const reader = new Reader(options.channels ?? 1);
  const train = await reader.read(root, classes);
  const test = divided ? await reader.read(path.join(folder, 'test'), classes) : undefined;
  const { testShare, splitSeed } = options;
  const shape = reader.shape as ImageShape;
  return datasetFromArrays({ name: path.basename(folder), shape, classes, train, test, testShare, splitSeed });
}

/** Reads class after class; the first image fixes the shape. */
class Reader {
  readonly #channels: 1 | 3;
  shape: ImageShape | undefined;

  constructor(channels: 1 | 3) {
    this.#channels = channels;
  }

  async read(root: string, classes: readonly string[]): Promise<LabelledImages> {
    const images: Uint8Array[] = [];
    const labels: number[] = [];
    for (const [label, name] of classes.entries()) {
      const files = (await list(path.join(root, name))).filter((file) => file.toLowerCase().endsWith('.png'));
      for (const file of files) {
        const whole = path.join(root, name, file);
        const bytes = await readBytes(whole);
        this.shape ??= { ...pngSize(bytes, whole), channels: this.#channels };
        images.push(decodePng(bytes, whole, this.shape));
        labels.push(label);
      }
    }
    if (images.length === 0 || !this.shape)
      throw new PffError('data', `${root} has no PNG images in its folders`, { hint: 'Convert the images to PNG.' });
    const size = imageSize(this.shape);
    const all = new Uint8Array(images.length * size);
    images.forEach((image, i) => all.set(image, i * size));
    return { images: all, labels };
  }
}

async function subfolders(folder: string): Promise<string[]> {
  return list(folder, true);
}

/** Names in `folder`, sorted: folders, or all. */
async function list(folder: string, foldersOnly = false): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const kept = foldersOnly ? entries.filter((entry) => entry.isDirectory()) : entries;
    return kept.map((entry) => entry.name).sort((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    throw new PffError('data', `${folder} cannot be read: ${messageOf(error)}`, {
      hint: 'Give a folder with a folder of PNG images for each class.',
      cause: error,
    });
  }
}
