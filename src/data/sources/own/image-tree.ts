/** A folder with a folder of images for each class, perhaps below train/, val/ and test/. PNG, JPEG and WebP. Node.js only. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { messageOf, PffError } from '../../../errors.js';
import type { Dataset, ImageShape } from '../../dataset.js';
import { readBytes } from '../files.js';
import { classesOf } from '../../readers/classes.js';
import { decodeImage, type Pixels } from '../../readers/image-bytes.js';
import { eachPart } from '../../readers/parts.js';
import { datasetFromPixels, type Pictures } from './pixel-data.js';
import type { Reading } from '../../readers/reading.js';
import { partsOf, pixelsOf, type Contents, type ImageFile, type ImageTree } from '../../readers/image-folders.js';

/** The folders of this machine. */
export const IN_FOLDERS: ImageTree = { contents, join: (...names) => path.join(...names) };

/** Images of each class that are looked at to tell whether they are in colour. */
const COLOUR_TRIALS = 4;

/** @throws PffError `data` naming the folder or file */
export async function datasetFromImages(folder: string, reading: Reading): Promise<Dataset> {
  const notes: string[] = [];
  const parts = partsOf(folder, notes, IN_FOLDERS);
  const { classes, labels } = classesOf(
    eachPart(parts, (files) => files.map(({ label }) => label)),
    `${folder}: its folders of images`,
  );
  const shape = await shapeOf(parts.train, reading.imageSize);
  const pictures = async (files: readonly ImageFile[]): Promise<Pictures> => ({
    images: await pixelsOf(files, shape, reading.imageSize !== '', readBytes),
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
      inputs: { kind: 'image', shape, ...(reading.imageSize === '' ? {} : { stretched: true }) },
    },
    reading,
  );
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

/** Names in `folder`, sorted, hidden ones left out; links are what they lead to. */
function contents(folder: string, notes: string[]): Contents {
  try {
    const names = readdirSync(folder).sort();
    const hidden = names.filter((name) => name.startsWith('.'));
    if (hidden.length > 0) notes.push(`${folder}: ${hidden.join(', ')} is hidden and was left out`);
    const shown = names.filter((name) => !name.startsWith('.'));
    const isFolder = new Set(
      shown.filter((name) => statSync(path.join(folder, name), { throwIfNoEntry: false })?.isDirectory()),
    );
    return { folders: [...isFolder], files: shown.filter((name) => !isFolder.has(name)) };
  } catch (error) {
    throw new PffError('data', `${folder} cannot be read: ${messageOf(error)}`, {
      hint: 'Give a folder with a folder of images for each class.',
      cause: error,
    });
  }
}
