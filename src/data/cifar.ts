/**
 * The official binary form of CIFAR-10 (Krizhevsky 2009): records of 3073 bytes, a label and 32 x 32 pixels, plane by
 * plane (red, green, blue), row by row. Bytes in, bytes out.
 */
import { PffError } from '../errors.js';
import type { ImageShape } from './dataset.js';

export const CIFAR_SHAPE: ImageShape = { width: 32, height: 32, channels: 3 };
export const CIFAR_CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

const PIXELS = 3072;
const RECORD = 1 + PIXELS;

/** How many records `bytes` holds. @throws PffError `data` if there are none, or the last one is cut off. */
export function cifarRecords(bytes: Uint8Array, name: string): number {
  const count = bytes.length / RECORD;
  if (count === 0 || !Number.isInteger(count))
    throw new PffError(
      'data',
      `${name}: truncated or not CIFAR-10 binary data: ${bytes.length} bytes are no whole number of records of ${RECORD} bytes`,
      {
        hint: 'Get the binary version of CIFAR-10 (not the Python or Matlab one) again: pff data get cifar10.',
      },
    );
  return count;
}

/**
 * Reads CIFAR-10 records into `images` [any, 3072] and `labels` [any], from row `firstRow` on, and returns their number.
 * @param name what to call the bytes in errors, such as the file's path.
 * @throws PffError `data`: truncated, a label out of range, or more records than there is room for.
 */
export function parseCifar(
  bytes: Uint8Array,
  name: string,
  images: Uint8Array,
  labels: Uint8Array,
  firstRow = 0,
): number {
  const count = cifarRecords(bytes, name);
  const room = labels.length - firstRow;
  if (count > room)
    throw new PffError('data', `${name}: ${count} records, but there is room for ${room}`, {
      hint: 'Check that the file is the one you meant.',
    });
  for (let i = 0; i < count; i++) {
    const start = i * RECORD;
    const label = bytes[start] as number;
    if (label >= CIFAR_CLASSES.length)
      throw new PffError(
        'data',
        `${name}: label ${label} of record ${i} is out of range: there are ${CIFAR_CLASSES.length} classes`,
        {
          hint: 'Labels must be 0 … 9: is this the binary version of CIFAR-10 (not of CIFAR-100)?',
        },
      );
    labels[firstRow + i] = label;
    images.set(bytes.subarray(start + 1, start + RECORD), (firstRow + i) * PIXELS);
  }
  return count;
}

/** Writes samples ([n, 3072] planar pixels and [n] labels) as CIFAR-10 records. @throws PffError `data` if they do not fit together. */
export function writeCifar(images: Uint8Array, labels: Uint8Array): Uint8Array<ArrayBuffer> {
  if (images.length !== labels.length * PIXELS)
    throw new PffError(
      'data',
      `${labels.length} CIFAR-10 images need ${labels.length * PIXELS} bytes, but there are ${images.length}`,
      {
        hint: 'Give 32 x 32 pixels in three planes an image.',
      },
    );
  const bytes = new Uint8Array(labels.length * RECORD);
  labels.forEach((label, i) => {
    if (label >= CIFAR_CLASSES.length)
      throw new PffError(
        'data',
        `label ${label} of record ${i} is out of range: there are ${CIFAR_CLASSES.length} classes`,
        { hint: 'Labels must be 0 … 9.' },
      );
    bytes[i * RECORD] = label;
    bytes.set(images.subarray(i * PIXELS, (i + 1) * PIXELS), i * RECORD + 1);
  });
  return bytes;
}
