/** What a loaded dataset is: bytes and labels in memory that worker threads can share. Where it came from: sources. */
import { PffError } from '../errors.js';
import { sharedBuffer } from '../platform/shared-memory.js';

/** The shape of one image. Pixels are stored channel by channel (planar), row by row. */
export interface ImageShape {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** One split (training or test): `count` images and their labels. */
export interface Samples {
  readonly count: number;
  /** [count, width · height · channels], 0 … 255. Over a SharedArrayBuffer, so that the data is there once. */
  readonly images: Uint8Array;
  /** [count], each below the dataset's number of classes. Over a SharedArrayBuffer. */
  readonly labels: Uint8Array;
}

/** Training and test samples of one kind of image, and the names of their classes. */
export interface Dataset {
  readonly name: string;
  readonly shape: ImageShape;
  /** Names of the classes, in order of their labels. */
  readonly classes: readonly string[];
  readonly train: Samples;
  readonly test: Samples;
  /** Hex SHA-256 over the four arrays (training images, labels, test images, labels): what "the same data" means. */
  readonly digest: string;
  /** What its source left out and found odd, in words for people; see plausible.ts. */
  readonly notes?: readonly string[] | undefined;
}

/** Values per image. */
export function imageSize(shape: ImageShape): number {
  return shape.width * shape.height * shape.channels;
}

/**
 * `count` samples from number `from` on, as views of the same memory.
 * @throws PffError `usage` if there are not as many.
 */
export function takeSamples(samples: Samples, count: number, from = 0): Samples {
  if (!(Number.isInteger(count) && Number.isInteger(from) && count >= 0 && from >= 0 && from + count <= samples.count))
    throw new PffError('usage', `asked for ${count} samples from number ${from} on, but there are ${samples.count}`, {
      hint: 'Ask for fewer samples.',
    });
  const size = samples.count === 0 ? 0 : samples.images.length / samples.count;
  return {
    count,
    images: samples.images.subarray(from * size, (from + count) * size),
    labels: samples.labels.subarray(from, from + count),
  };
}

/** `length` zero bytes in memory that worker threads can share. */
export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(sharedBuffer(length));
}
