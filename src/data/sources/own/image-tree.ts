/** A folder with a folder of images for each class, perhaps below train/, val/ and test/. PNG, JPEG and WebP. Node.js only. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { messageOf, PffError } from '../../../errors.js';
import { imageSize, type Dataset, type ImageShape } from '../../dataset.js';
import { readBytes } from '../files.js';
import { planesOf } from '../image-file.js';
import { classesOf } from './classes.js';
import { decodeImage, IMAGE_NAMES, type Pixels } from './image-bytes.js';
import { PART_NAMES } from './kind.js';
import { eachPart, type Parts } from './parts.js';
import { datasetFromPixels, type Pictures } from './pixel-data.js';
import type { Reading } from './reading.js';
import { resizeArea } from './resize.js';

/** Images of each class that are looked at to tell whether they are in colour. */
const COLOUR_TRIALS = 4;

/** An image of a class. */
export interface ImageFile {
  readonly file: string;
  readonly label: string;
}

/** @throws PffError `data` naming the folder or file */
export async function datasetFromImages(folder: string, reading: Reading): Promise<Dataset> {
  const notes: string[] = [];
  const parts = partsOf(folder, notes);
  const { classes, labels } = classesOf(
    eachPart(parts, (files) => files.map(({ label }) => label)),
    `${folder}: its folders of images`,
  );
  const shape = await shapeOf(parts.train, reading.imageSize);
  const pictures = async (files: readonly ImageFile[]): Promise<Pictures> => ({
    images: await pixelsOf(files, shape, reading.imageSize !== ''),
    labels: labels(files.map(({ label }) => label)),
  });
  const { train, validation, test } = parts;
  return datasetFromPixels(
    {
      name: path.basename(path.resolve(folder)),
      shape,
      classes,
      parts: {
        train: await pictures(train),
        validation: validation && (await pictures(validation)),
        test: test && (await pictures(test)),
      },
      notes,
      inputs: { kind: 'image', shape },
    },
    reading,
  );
}

/** The pixels of image files [files, size]. @throws PffError `data` naming the file */
export async function pixelsOf(files: readonly ImageFile[], shape: ImageShape, resize: boolean): Promise<Uint8Array> {
  const size = imageSize(shape);
  const images = new Uint8Array(files.length * size);
  for (const [i, { file }] of files.entries())
    images.set(fitted(await decodeImage(await readBytes(file), file), file, shape, resize), i * size);
  return images;
}

/** The image as the dataset has it. @throws PffError `data` for one of another size that may not be scaled. */
export function fitted(image: Pixels, name: string, shape: ImageShape, resize: boolean): Uint8Array {
  const { width, height, rgba } = image;
  if (width === shape.width && height === shape.height) return planesOf(rgba, name, shape);
  if (!resize)
    throw new PffError(
      'data',
      `${name}: the image is ${width} x ${height} pixels, but others are ${shape.width} x ${shape.height}`,
      {
        hint: `Give --image-size ${shape.width}x${shape.height} to scale all images to one size.`,
      },
    );
  return planesOf(resizeArea(rgba, [width, height], [shape.width, shape.height], 4), name, shape);
}

async function shapeOf(files: readonly ImageFile[], asked: string): Promise<ImageShape> {
  const [width, height, channels] = asked === '' ? [] : asked.split('x').map(Number);
  const first = files[0] as ImageFile;
  const tried = channels === undefined ? new Map<string, number>() : undefined;
  let colour = channels === 3;
  for (const { file, label } of tried ? files : []) {
    const before = tried?.get(label) ?? 0;
    if (before >= COLOUR_TRIALS) continue;
    tried?.set(label, before + 1);
    colour ||= isColour(await decodeImage(await readBytes(file), file));
    if (colour) break;
  }
  const own = width && height ? { width, height } : await decodeImage(await readBytes(first.file), first.file);
  return { width: own.width, height: own.height, channels: colour ? 3 : 1 };
}

function isColour({ rgba }: Pixels): boolean {
  for (let i = 0; i < rgba.length; i += 4)
    if (rgba[i + 3] !== 0 && (rgba[i] !== rgba[i + 1] || rgba[i] !== rgba[i + 2])) return true;
  return false;
}

/** Its image files, in the parts that the folder has. @throws PffError `data` */
export function partsOf(folder: string, notes: string[]): Parts<ImageFile[]> {
  const { folders } = contents(folder, notes);
  const named = (part: keyof typeof PART_NAMES): string | undefined =>
    folders.find((name) => PART_NAMES[part].some((each) => each === name.toLowerCase()));
  const [train, validation, test] = [named('train'), named('validation'), named('test')];
  // A class may be called so: only a folder that has folders itself is a part.
  const divided = train !== undefined && contents(path.join(folder, train), []).folders.length > 0;
  if (!divided) return { train: imagesIn(folder, folders, notes) };
  const others = folders.filter((name) => ![train, validation, test].includes(name));
  if (others.length > 0)
    notes.push(`beside ${[train, validation, test].filter(Boolean).join(', ')}, ${others.join(', ')} was left out`);
  const part = (name: string): ImageFile[] => {
    const root = path.join(folder, name);
    return imagesIn(root, contents(root, notes).folders, notes);
  };
  return {
    train: part(train),
    validation: validation === undefined ? undefined : part(validation),
    test: test === undefined ? undefined : part(test),
  };
}

function imagesIn(root: string, classes: readonly string[], notes: string[]): ImageFile[] {
  const found = classes.flatMap((label) => {
    const { files } = contents(path.join(root, label), notes);
    const images = files.filter((file) => IMAGE_NAMES.test(file));
    const others = files.length - images.length;
    if (others > 0)
      notes.push(`${path.join(root, label)}: ${others} files that are no PNG, JPEG or WebP were left out`);
    if (images.length === 0) notes.push(`${path.join(root, label)} has no images and was left out as a class`);
    return images.map((file) => ({ file: path.join(root, label, file), label }));
  });
  if (found.length === 0)
    throw new PffError('data', `${root} has no folders with images`, {
      hint: 'Put the images of each class (PNG, JPEG or WebP) into a folder of its own.',
    });
  return found;
}

/** Names in `folder`, sorted, hidden ones left out; links are what they lead to. */
function contents(folder: string, notes: string[]): { readonly folders: string[]; readonly files: string[] } {
  try {
    const names = readdirSync(folder).sort();
    const hidden = names.filter((name) => name.startsWith('.'));
    if (hidden.length > 0) notes.push(`${folder}: ${hidden.join(', ')} is hidden and was left out`);
    const shown = names.filter((name) => !name.startsWith('.'));
    const isFolder = new Set(shown.filter((name) => statSync(path.join(folder, name)).isDirectory()));
    return { folders: [...isFolder], files: shown.filter((name) => !isFolder.has(name)) };
  } catch (error) {
    throw new PffError('data', `${folder} cannot be read: ${messageOf(error)}`, {
      hint: 'Give a folder with a folder of images for each class.',
      cause: error,
    });
  }
}
