/**
 * Augmentation of training images: moved, mirrored, deformed, cut. What happens to a sample is keyed by seed, chapter,
 * layer (where the spec says so) and sample, so a task sees the same images on whatever node.
 */
import { pickLabels } from '../../data/label-array.js';
import { imageSize, type ImageShape } from '../../data/dataset.js';
import { imageSums, labelNorms, setRowScale } from '../../data/labels.js';
import { PffError } from '../../errors.js';
import { augmentsImages, type RunSpec } from '../../spec/spec.js';
import type { LabelledData } from '../labelled-data.js';
import { cuts } from './cutout.js';
import { deformations, ImageDeformer } from './deform.js';
import { moveImage, moves, type ViewKey } from './move.js';

/** What a spec says of augmentation. */
export type AugmentSpec = Pick<
  RunSpec,
  'seed' | 'shift' | 'flip' | 'affine' | 'elastic' | 'cutout' | 'fill' | 'augmentPer'
>;

/** Samples as they enter the first layer: the rows [B] to take from `data`. */
export interface View {
  readonly data: LabelledData;
  readonly rows: Uint32Array;
}

/** Gives the samples `rows` of the training data as a chapter sees them. */
export type Augment = (data: LabelledData, rows: Uint32Array) => View;

/** Writes `image`, which is that of training sample `sample`, as a chapter sees it to `out`, which is `ground` before. */
type Transform = (image: Uint8Array, sample: number, out: Uint8Array, ground: number) => void;

/**
 * The augmentation of chapter `chapter` for layer `layer`, which is the same for all layers unless the spec says
 * otherwise; where it asks for none, samples are taken as they are.
 */
export function augmentation(spec: AugmentSpec, chapter: number, layer = 0): Augment {
  const view = { chapter, layer: spec.augmentPer === 'layer' ? layer : 0 };
  if (!augmentsImages(spec)) return (data, rows) => ({ data, rows });
  let transform: Transform | undefined;
  return (data, rows) => transformed(data, rows, (transform ??= transformOf(spec, view, data.shape)), spec.fill);
}

/** Each image mirrored, as `flip` does it in training. @throws PffError `usage` where samples are no images of bytes */
export const mirrored: Augment = (data, rows) => {
  if (!(data.samples.images instanceof Uint8Array) || data.shape.width === 1)
    throw new PffError('usage', 'samples were to be mirrored, but they are no images', { hint: 'Leave it out.' });
  const { shape } = data;
  const move = { dx: 0, dy: 0, mirrored: true };
  return transformed(data, rows, (image, _, out) => moveImage(image, shape, move, out), 'black');
};

function deforms({ affine, elastic }: AugmentSpec): boolean {
  return affine > 0 || elastic > 0;
}

function transformOf(spec: AugmentSpec, view: ViewKey, shape: ImageShape): Transform {
  const place = placing(spec, view, shape);
  if (spec.cutout === 0) return place;
  const cut = cuts(spec, view, shape);
  return (image, sample, out, ground) => {
    place(image, sample, out, ground);
    cut(out, sample, ground);
  };
}

/** All but what is cut out afterwards. */
function placing(spec: AugmentSpec, view: ViewKey, shape: ImageShape): Transform {
  const moveOf = moves(spec, view);
  if (!deforms(spec)) return (image, sample, out, ground) => moveImage(image, shape, moveOf(sample), out, ground);
  const deformationOf = deformations(spec, view);
  const deformer = new ImageDeformer(shape);
  return (image, sample, out, ground) => deformer.deform(image, deformationOf(sample), moveOf(sample), out, ground);
}

/** A batch of its own: transformed images, their labels and scales. */
function transformed(data: LabelledData, rows: Uint32Array, transform: Transform, fill: RunSpec['fill']): View {
  const { samples, layout, shape } = data;
  const size = imageSize(shape);
  const count = rows.length;
  const pixels = samples.images;
  // Tables have one row of values, and what moves or deforms images is refused for them.
  if (!(pixels instanceof Uint8Array)) throw new Error('only images of bytes are moved and deformed');
  const images = new Uint8Array(count * size);
  const labels = pickLabels(samples.labels, rows);
  const norms = labelNorms(layout);
  const scales = [norms.oneHot, norms.neutral].map((norm2) => ({
    norm2,
    bytes: new Float32Array(count),
    mean: data.neutral.mean && new Float32Array(count),
    label: new Float32Array(count),
  }));
  rows.forEach((row, b) => {
    const image = images.subarray(b * size, (b + 1) * size);
    const before = pixels.subarray(row * size, (row + 1) * size);
    const ground = fill === 'mean' ? meanOf(before) : 0;
    if (ground > 0) image.fill(ground);
    transform(before, row, image, ground);
    const sums = imageSums(image, layout.skip, size);
    for (const each of scales) setRowScale(each, b, sums, each.norm2);
  });
  const [oneHot, neutral] = scales as [(typeof scales)[0], (typeof scales)[0]];
  return {
    data: { samples: { count, images, labels }, layout, shape, oneHot, neutral },
    rows: Uint32Array.from({ length: count }, (_, b) => b),
  };
}

/** The mean of an image's bytes, rounded to one. */
function meanOf(image: Uint8Array): number {
  return Math.floor(image.reduce((sum, value) => sum + value, 0) / image.length + 0.5);
}
