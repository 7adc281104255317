/** A dataset from PNG images in a folder for each class. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, PffError } from '../../errors.js';
import { checkOptions, checkText } from '../../known-options.js';
import { imageSize, type Dataset, type ImageShape } from '../dataset.js';
import { decodePng } from './image-file.js';
import { readBytes } from './files.js';
import { pngSize } from '../readers/png.js';
import { datasetFromArrays, type LabelledImages, type OwnData } from '../arrays.js';

/**
 * Reads `folder/train/CLASS/*.png` and `folder/test/CLASS/*.png`, or `folder/CLASS/*.png` with a share set aside for
 * testing. All images must have the size of the first one; classes are the folders' names, sorted. Links to folders count as folders;
 * hidden ones, empty classes and other files are left out, and the dataset's notes say so.
 * @param options `channels`: 1 for grey (the default), 3 for colour.
 * @throws PffError `data`
 */
export async function loadImageFolder(
  folder: string,
  options: Pick<OwnData, 'testShare' | 'splitSeed'> & { readonly channels?: 1 | 3 | undefined } = {},
): Promise<Dataset> {
  checkOptions('loadImageFolder', options, { testShare: true, splitSeed: true, channels: true });
  checkText('the folder of loadImageFolder', folder);
  const notes: string[] = [];
  const whole = await contents(folder, notes);
  const divided = whole.folders.includes('train') && whole.folders.includes('test');
  if (divided) {
    const others = whole.folders.filter((name) => name !== 'train' && name !== 'test');
    if (others.length > 0) notes.push(`beside train and test, ${others.join(', ')} was left out`);
  }
  const root = divided ? path.join(folder, 'train') : folder;
  const trained = await classesIn(root, divided ? (await contents(root, notes)).folders : whole.folders, notes);
  const testRoot = path.join(folder, 'test');
  const tested = divided ? await classesIn(testRoot, (await contents(testRoot, notes)).folders, notes) : [];
  const classes = trained.map(({ name }) => name);
  if (classes.length < 2)
    throw new PffError(
      'data',
      `${root} has ${classes.length} folders with PNG images, but a dataset needs two classes or more`,
      { hint: 'Put the images of each class, as PNG, into a folder of its own.' },
    );
  const unknown = tested.filter(({ name }) => !classes.includes(name)).map(({ name }) => name);
  if (unknown.length > 0)
    throw new PffError('data', `${testRoot} has the classes ${unknown.join(', ')}, which ${root} has no images of`, {
      hint: 'Training and test images must be of the same classes: check how the folders are called.',
    });
  const reader = new Reader(options.channels ?? 1);
  const train = await reader.read(root, trained, classes);
  const test = divided ? await reader.read(testRoot, tested, classes) : undefined;
  const { testShare, splitSeed } = options;
  const shape = reader.shape as ImageShape;
  return datasetFromArrays({ name: path.basename(folder), shape, classes, train, test, testShare, splitSeed, notes });
}

/** A class's folder and the images in it. */
interface ClassFolder {
  readonly name: string;
  readonly files: readonly string[];
}

/** Reads class after class; the first image fixes the shape. */
class Reader {
  readonly #channels: 1 | 3;
  shape: ImageShape | undefined;

  constructor(channels: 1 | 3) {
    this.#channels = channels;
  }

  async read(root: string, folders: readonly ClassFolder[], classes: readonly string[]): Promise<LabelledImages> {
    const images: Uint8Array[] = [];
    const labels: number[] = [];
    for (const { name, files } of folders) {
      for (const file of files) {
        const whole = path.join(root, name, file);
        const bytes = await readBytes(whole);
        this.shape ??= { ...pngSize(bytes, whole), channels: this.#channels };
        images.push(decodePng(bytes, whole, this.shape));
        labels.push(classes.indexOf(name));
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

/** The folders of `names` that have PNG images; the others are noted. */
async function classesIn(root: string, names: readonly string[], notes: string[]): Promise<ClassFolder[]> {
  const found: ClassFolder[] = [];
  for (const name of names) {
    const { files } = await contents(path.join(root, name), notes);
    const images = files.filter((file) => file.toLowerCase().endsWith('.png'));
    const others = files.filter((file) => !file.toLowerCase().endsWith('.png'));
    if (others.length > 0) {
      const endings = [...new Set(others.map((file) => path.extname(file).toLowerCase() || file))].sort().slice(0, 5);
      notes.push(
        `${path.join(root, name)}: ${others.length} files that are not PNG were left out (${endings.join(', ')})`,
      );
    }
    if (images.length === 0) notes.push(`${path.join(root, name)} has no PNG images and was left out as a class`);
    else found.push({ name, files: images });
  }
  return found;
}

interface Contents {
  readonly folders: readonly string[];
  readonly files: readonly string[];
}

/** Names in `folder`, sorted, hidden ones left out; links are what they lead to. */
async function contents(folder: string, notes: string[]): Promise<Contents> {
  try {
    const names = (await readdir(folder)).sort((a, b) => (a < b ? -1 : 1));
    const hidden = names.filter((name) => name.startsWith('.'));
    if (hidden.length > 0) notes.push(`${folder}: ${hidden.join(', ')} is hidden and was left out`);
    const folders: string[] = [];
    const files: string[] = [];
    for (const name of names.filter((each) => !each.startsWith('.')))
      ((await stat(path.join(folder, name))).isDirectory() ? folders : files).push(name);
    return { folders, files };
  } catch (error) {
    throw new PffError('data', `${folder} cannot be read: ${messageOf(error)}`, {
      hint: 'Give a folder with a folder of PNG images for each class.',
      cause: error,
    });
  }
}
