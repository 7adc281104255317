/** What a loaded dataset is: values and labels in memory that worker threads can share. Where it came from: sources. */
import { PffError } from '../errors.js';
import { sharedBuffer } from '../platform/shared-memory.js';
import type { Inputs } from './columns.js';
import { sharedPick, type Labels } from './label-array.js';

/** The shape of one image. Pixels are stored channel by channel (planar), row by row. */
export interface ImageShape {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** Values of samples: bytes 0 … 255, which the network takes as 0 … 1, or the columns of a table, which it takes as they are. */
export type SampleValues = Uint8Array | Float32Array;

/** One split (training, validation or test): `count` images or rows and their labels. */
export interface Samples {
  readonly count: number;
  /** [count, width · height · channels]. Over a SharedArrayBuffer, so that the data is there once. */
  readonly images: SampleValues;
  /** [count], each below the dataset's number of classes: bytes, or 16 bits for more than 256 classes. Over a SharedArrayBuffer. */
  readonly labels: Labels;
}

/** Training and test samples of one kind of image, and the names of their classes. */
export interface Dataset {
  readonly name: string;
  readonly shape: ImageShape;
  /** Names of the classes, in order of their labels. */
  readonly classes: readonly string[];
  readonly train: Samples;
  readonly test: Samples;
  /** Held out to follow a training by, where the source has such a part or was asked to set one aside. */
  readonly validation?: Samples | undefined;
  /** How what the source has became `images`, where a model must know it to take such inputs itself. */
  readonly inputs?: Inputs | undefined;
  /** Hex SHA-256 over the arrays (images and labels of training, test and, if there is one, validation): what "the same data" means. */
  readonly digest: string;
  /** What its source left out and found odd, in words for people; see plausible.ts. */
  readonly notes?: readonly string[] | undefined;
}

/** The shape of an image of grey pixels that is one row of a table: square where that is possible. */
export function shapeOfRow(pixels: number): ImageShape {
  const side = Math.sqrt(pixels);
  return Number.isInteger(side)
    ? { width: side, height: side, channels: 1 }
    : { width: pixels, height: 1, channels: 1 };
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

/** The samples `rows` [m], copied into memory that threads can share. */
export function pickSamples(samples: Samples, rows: Uint32Array): Samples {
  const size = samples.count === 0 ? 0 : samples.images.length / samples.count;
  const { images } = samples;
  const picked = images instanceof Uint8Array ? sharedBytes(rows.length * size) : sharedFloats(rows.length * size);
  rows.forEach((row, i) => picked.set(images.subarray(row * size, (row + 1) * size), i * size));
  return { count: rows.length, images: picked, labels: sharedPick(samples.labels, rows) };
}

/** Values or labels as they lie in memory, little-endian, for digests. */
export function bytesOf({ buffer, byteOffset, byteLength }: SampleValues | Labels): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** `length` zeros in memory that worker threads can share. */
export function sharedFloats(length: number): Float32Array {
  return new Float32Array(memoryFor(4 * length));
}

/** `length` zero bytes in memory that worker threads can share. */
export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(memoryFor(length));
}

/** @throws PffError `memory` */
function memoryFor(bytes: number): ArrayBufferLike {
  try {
    return sharedBuffer(bytes);
  } catch (error) {
    throw new PffError(
      'memory',
      `samples of ${(bytes / 1e9).toFixed(1)} GB were asked for, which cannot be had at once`,
      {
        hint: 'Take fewer samples, or smaller ones.',
        cause: error,
      },
    );
  }
}
