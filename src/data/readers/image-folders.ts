/** A folder with a folder of images for each class, perhaps below train/, val/ and test/: which images of which classes it has. */
import { PffError } from '../../errors.js';
import { imageSize, type ImageShape } from '../dataset.js';
import { PART_NAMES } from './file-kind.js';
import { decodeImage, IMAGE_NAMES } from './image-bytes.js';
import { fitted } from './image-planes.js';
import type { Parts } from './parts.js';

/** An image of a class. */
export interface ImageFile {
  readonly file: string;
  readonly label: string;
}

/** Names in a folder, sorted, hidden ones left out. */
export interface Contents {
  readonly folders: readonly string[];
  readonly files: readonly string[];
}

/** Where the folders are: on this machine, or as a browser's user picked them. */
export interface ImageTree {
  /** What is left out is noted. @throws PffError `data` where it cannot be read */
  contents(folder: string, notes: string[]): Contents;
  join(...names: readonly string[]): string;
}

/** Its image files, in the parts that the folder has. @throws PffError `data` */
export function partsOf(folder: string, notes: string[], tree: ImageTree): Parts<ImageFile[]> {
  const { folders } = tree.contents(folder, notes);
  const named = (part: keyof typeof PART_NAMES): string | undefined =>
    folders.find((name) => PART_NAMES[part].some((each) => each === name.toLowerCase()));
  const [train, validation, test] = [named('train'), named('validation'), named('test')];
  // A class may be called so: only a folder that has folders itself is a part.
  const divided = train !== undefined && tree.contents(tree.join(folder, train), []).folders.length > 0;
  if (!divided) return { train: imagesIn(folder, folders, notes, tree) };
  const others = folders.filter((name) => ![train, validation, test].includes(name));
  if (others.length > 0)
    notes.push(`beside ${[train, validation, test].filter(Boolean).join(', ')}, ${others.join(', ')} was left out`);
  const part = (name: string): ImageFile[] => {
    const root = tree.join(folder, name);
    return imagesIn(root, tree.contents(root, notes).folders, notes, tree);
  };
  return {
    train: part(train),
    validation: validation === undefined ? undefined : part(validation),
    test: test === undefined ? undefined : part(test),
  };
}

function imagesIn(root: string, classes: readonly string[], notes: string[], tree: ImageTree): ImageFile[] {
  const found = classes.flatMap((label) => {
    const { files } = tree.contents(tree.join(root, label), notes);
    const images = files.filter((file) => IMAGE_NAMES.test(file));
    const others = files.length - images.length;
    if (others > 0)
      notes.push(`${tree.join(root, label)}: ${others} files that are no PNG, JPEG or WebP were left out`);
    if (images.length === 0) notes.push(`${tree.join(root, label)} has no images and was left out as a class`);
    return images.map((file) => ({ file: tree.join(root, label, file), label }));
  });
  if (found.length === 0)
    throw new PffError('data', `${root} has no folders with images`, {
      hint: 'Put the images of each class (PNG, JPEG or WebP) into a folder of its own.',
    });
  return found;
}

/** The pixels of image files [files, size]. @throws PffError `data` naming the file; `memory` */
export async function pixelsOf(
  files: readonly ImageFile[],
  shape: ImageShape,
  resize: boolean,
  read: (file: string) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const size = imageSize(shape);
  const images = roomFor(files.length, shape);
  for (const [i, { file }] of files.entries())
    images.set(fitted(await decodeImage(await read(file), file), file, shape, resize), i * size);
  return images;
}

function roomFor(count: number, shape: ImageShape): Uint8Array {
  const bytes = count * imageSize(shape);
  try {
    return new Uint8Array(bytes);
  } catch (error) {
    throw new PffError(
      'memory',
      `${count} images of ${shape.width} x ${shape.height} x ${shape.channels} take ${(bytes / 1e9).toFixed(1)} GB, which cannot be had at once`,
      { hint: 'Give a smaller --image-size.', cause: error },
    );
  }
}
