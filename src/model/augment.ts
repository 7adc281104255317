/**
 * Augmentation of training images: shifts by up to k pixels and mirror images. What happens to a sample is keyed by seed,
 * chapter and sample, so every task of a chapter, on whatever node, sees the same images.
 */
import { imageSize, type ImageShape } from '../data/dataset.js';
import { imageSums, neutralNorm2, ONE_HOT_NORM2, setRowScale } from '../data/labels.js';
import { philox, philoxName } from '../random.js';
import type { RunSpec } from '../spec/spec.js';
import type { LabelledData } from './labelled-data.js';

/** Samples as they enter the first layer: the rows [B] to take from `data`. */
export interface View {
  readonly data: LabelledData;
  readonly rows: Uint32Array;
}

/** Gives the samples `rows` of the training data as a chapter sees them. */
export type Augment = (data: LabelledData, rows: Uint32Array) => View;

/** What happens to one sample: moved right by `dx` and down by `dy` pixels (0 comes in from outside), then mirrored or not. */
export interface Move {
  readonly dx: number;
  readonly dy: number;
  readonly mirrored: boolean;
}

/** The augmentation of chapter `chapter`; without `shift` and `flip` in the spec, samples are taken as they are. */
export function augmentation(spec: Pick<RunSpec, 'seed' | 'shift' | 'flip'>, chapter: number): Augment {
  if (spec.shift === 0 && !spec.flip) return (data, rows) => ({ data, rows });
  const moveOf = moves(spec, chapter);
  return (data, rows) => moved(data, rows, moveOf);
}

/** All moves are equally likely: one of (2 k + 1)² shifts, mirrored or not. */
export function moves(
  { seed, shift, flip }: Pick<RunSpec, 'seed' | 'shift' | 'flip'>,
  chapter: number,
): (sample: number) => Move {
  const [key0 = 0, key1 = 0, c1 = 0, c2 = 0, c3 = 0] = philoxName(seed, 'augment', chapter);
  const side = 2 * shift + 1;
  const choices = side * side * (flip ? 2 : 1);
  const words = new Uint32Array(4);
  return (sample) => {
    philox([sample >>> 2, c1, c2, c3], key0, key1, words);
    const choice = Math.floor(((words[sample & 3] as number) * choices) / 2 ** 32);
    const place = choice % (side * side);
    return { dx: (place % side) - shift, dy: Math.floor(place / side) - shift, mirrored: choice >= side * side };
  };
}

/** A batch of its own: moved images, their labels and scales. */
function moved(data: LabelledData, rows: Uint32Array, moveOf: (sample: number) => Move): View {
  const { samples, layout, shape } = data;
  const size = imageSize(shape);
  const count = rows.length;
  const images = new Uint8Array(count * size);
  const labels = new Uint8Array(count);
  const scales = [ONE_HOT_NORM2, neutralNorm2(layout.suffix)].map((norm2) => ({
    norm2,
    bytes: new Float32Array(count),
    mean: data.neutral.mean && new Float32Array(count),
    label: new Float32Array(count),
  }));
  rows.forEach((row, b) => {
    const image = images.subarray(b * size, (b + 1) * size);
    moveImage(samples.images.subarray(row * size, (row + 1) * size), shape, moveOf(row), image);
    labels[b] = samples.labels[row] as number;
    const sums = imageSums(image, layout.skip, size);
    for (const each of scales) setRowScale(each, b, sums, each.norm2);
  });
  const [oneHot, neutral] = scales as [(typeof scales)[0], (typeof scales)[0]];
  return {
    data: { samples: { count, images, labels }, layout, shape, oneHot, neutral },
    rows: Uint32Array.from({ length: count }, (_, b) => b),
  };
}

/** Writes `image` (planar, as `shape` says) moved to `out`, which is zeros before. */
export function moveImage(image: Uint8Array, shape: ImageShape, { dx, dy, mirrored }: Move, out: Uint8Array): void {
  const { width, height, channels } = shape;
  const plane = width * height;
  const offset = dy * width + dx;
  for (let start = 0; start < channels * plane; start += plane) {
    const from = image.subarray(start + Math.max(0, -offset), start + Math.min(plane, plane - offset));
    out.set(from, start + Math.max(0, offset));
    // The plane was moved as one run of bytes, so what left a row at one side came into the next at the other.
    const first = dx > 0 ? 0 : width + dx;
    const end = dx > 0 ? dx : width;
    for (let y = start; y < start + plane; y += width) {
      out.fill(0, y + first, y + end);
      if (mirrored) out.subarray(y, y + width).reverse();
    }
  }
}
