/**
 * How labels enter the network: where the label values stand in a row of the first layer's input, what a row is scaled
 * by, and the label part of a batch. The first layer's input is always [image part | label part], the label part of no
 * values where the label is a pattern.
 */
import { MOST_CLASSES, type Labels } from './label-array.js';
import { PffError } from '../errors.js';
import { labelPatterns } from './label-patterns.js';
import { imageSize, sharedFloats, type ImageShape, type Samples, type SampleValues } from './dataset.js';

/**
 * `overlay`: the label stands in place of the image's first C values, as in the paper; the image part is the rest.
 * `append`: the label values are C inputs more; the image part is the whole image.
 * `pattern`: a pattern for each label is added to the whole image (label-patterns.ts), and there is no label part.
 */
export type LabelMode = 'overlay' | 'append' | 'pattern';

/** Where things stand in a row of the first layer's input. C is the number of classes. */
export interface LabelLayout {
  /** How many of the image's first values are left out: C in overlay mode, else 0. */
  readonly skip: number;
  /** P: values of the image part. */
  readonly prefix: number;
  /** C: classes, and values of the label part where there is one. */
  readonly suffix: number;
  /** Inputs of the first layer: P + C, or P in pattern mode. */
  readonly inputs: number;
  /** The shape of images in pattern mode; else absent. */
  readonly pattern?: ImageShape;
}

/** How each sample's values become a row [image part | label part] of unit length. */
export interface RowScales {
  /** [n]: what the image's bytes (0 … 255), or a table's values, are multiplied by. */
  readonly bytes: Float32Array;
  /** [n]: the scaled mean, taken off the scaled bytes; absent where means stay. */
  readonly mean: Float32Array | undefined;
  /** [n]: what the label values are multiplied by. */
  readonly label: Float32Array;
}

/** Squared lengths of what a label adds to a row, `labelNorm2` of `rowScales`: of one label, and of the neutral one (1/C of each). */
export function labelNorms({ suffix: classes, pattern }: LabelLayout): {
  readonly oneHot: number;
  readonly neutral: number;
} {
  if (!pattern) return { oneHot: 1, neutral: 1 / classes };
  const { norm2, neutralNorm2 } = labelPatterns(pattern, classes);
  return { oneHot: norm2, neutral: neutralNorm2 };
}

/**
 * The input layout of the first layer.
 * @throws PffError `data` if the label does not fit over the image, or there are fewer than two classes.
 */
export function labelLayout(shape: ImageShape, classes: number, mode: LabelMode): LabelLayout {
  const size = imageSize(shape);
  if (!Number.isInteger(classes) || classes < 2)
    throw new PffError('data', `labels need at least two classes, but the dataset has ${classes}`, {
      hint: 'Check the label files: every label is the same, or there are none.',
    });
  if (classes > MOST_CLASSES)
    throw new PffError('data', `the dataset has ${classes} classes, and there can be at most ${MOST_CLASSES}`, {
      hint: 'Is the label a number of something? Name the column of the classes.',
    });
  if (mode === 'append') return { skip: 0, prefix: size, suffix: classes, inputs: size + classes };
  if (mode === 'pattern') return { skip: 0, prefix: size, suffix: classes, inputs: size, pattern: shape };
  if (size <= classes)
    throw new PffError('data', `a label of ${classes} values cannot be written over an image of ${size} values`, {
      hint: 'Use --label-mode append: it adds the label as extra inputs.',
    });
  return { skip: classes, prefix: size - classes, suffix: classes, inputs: size };
}

/**
 * Scales that give each row unit length: 1 / sqrt(Σ (byte / 255)² over the image part + labelNorm2), for values in 0 … 1.
 * The sum is over integers and exact, so its order does not matter; over a table's values, which are not divided by 255, it is in
 * f64 in their order. A row that is all zeros keeps scale 0.
 * @param subtractMean the image part is (byte - its mean) / 255 instead.
 * @param labelNorm2 squared length of the label part, one of `labelNorms`.
 * @returns Float32Arrays [samples.count] over SharedArrayBuffers.
 */
export function rowScales(samples: Samples, layout: LabelLayout, labelNorm2: number, subtractMean: boolean): RowScales {
  const { count, images } = samples;
  const size = layout.skip + layout.prefix;
  if (images.length !== count * size)
    throw new PffError(
      'data',
      `${count} images of ${size} values each need ${count * size} bytes, but there are ${images.length}`,
      {
        hint: 'The layout was made for images of another size.',
      },
    );
  const scales: RowScales = {
    bytes: sharedFloats(count),
    mean: subtractMean ? sharedFloats(count) : undefined,
    label: sharedFloats(count),
  };
  for (let i = 0; i < count; i++)
    setRowScale(scales, i, imageSums(images, i * size + layout.skip, (i + 1) * size), labelNorm2);
  return scales;
}

/** Of the values of an image part. */
export interface ImageSums {
  readonly count: number;
  readonly sum: number;
  readonly squares: number;
  /** The value that the network takes as 1. */
  readonly full: number;
}

export function imageSums(images: SampleValues, start: number, end: number): ImageSums {
  let sum = 0;
  let squares = 0;
  for (let p = start; p < end; p++) {
    const value = images[p] as number;
    sum += value;
    squares += value * value;
  }
  return { count: end - start, sum, squares, full: images instanceof Uint8Array ? 255 : 1 };
}

/** Sets the scales of sample `i` from the sums over its image part. */
export function setRowScale(scales: RowScales, i: number, sums: ImageSums, labelNorm2: number): void {
  const { count, sum, squares, full } = sums;
  const about = scales.mean ? squares - (sum * sum) / count : squares;
  const length = Math.sqrt(about / (full * full) + labelNorm2);
  scales.bytes[i] = length === 0 ? 0 : 1 / (full * length);
  scales.label[i] = length === 0 ? 0 : 1 / length;
  if (scales.mean) scales.mean[i] = (sum / count) * scales.bytes[i];
}

/**
 * Writes one-hot label rows into the suffix matrix `out` [any, C]: row `firstRow + b` gets `scale` at its label, else 0.
 * Sample b is `rows[b]` where `rows` is given, else b; so `labels` and `scale` are those of the whole split, or of the batch.
 */
export function fillOneHot(
  labels: Labels,
  scale: Float32Array,
  classes: number,
  out: Float32Array,
  firstRow = 0,
  rows?: Uint32Array,
): void {
  const count = rows?.length ?? labels.length;
  clearRows(out, classes, firstRow, count);
  for (let b = 0; b < count; b++) {
    const sample = rows === undefined ? b : (rows[b] as number);
    out[(firstRow + b) * classes + (labels[sample] as number)] = scale[sample] as number;
  }
}

/** As `fillOneHot`, with the same label for every row: one variant of a prediction that tries all labels. */
export function fillSameLabel(
  label: number,
  scale: Float32Array,
  classes: number,
  out: Float32Array,
  firstRow = 0,
  rows?: Uint32Array,
): void {
  const count = rows?.length ?? scale.length;
  clearRows(out, classes, firstRow, count);
  for (let b = 0; b < count; b++) {
    const sample = rows === undefined ? b : (rows[b] as number);
    out[(firstRow + b) * classes + label] = scale[sample] as number;
  }
}

/** As `fillOneHot`, with the neutral label: every value of a row is its scale / C (the paper's 0.1 for ten classes). */
export function fillNeutral(
  scale: Float32Array,
  classes: number,
  out: Float32Array,
  firstRow = 0,
  rows?: Uint32Array,
): void {
  const count = rows?.length ?? scale.length;
  checkRows(out, classes, firstRow, count);
  for (let b = 0; b < count; b++) {
    const sample = rows === undefined ? b : (rows[b] as number);
    const start = (firstRow + b) * classes;
    out.fill((scale[sample] as number) / classes, start, start + classes);
  }
}

function clearRows(out: Float32Array, classes: number, firstRow: number, count: number): void {
  checkRows(out, classes, firstRow, count);
  out.fill(0, firstRow * classes, (firstRow + count) * classes);
}

function checkRows(out: Float32Array, classes: number, firstRow: number, count: number): void {
  // A typed array swallows writes beyond its end: a label that vanished would only show as bad accuracy.
  if ((firstRow + count) * classes > out.length)
    throw new RangeError(
      `rows ${firstRow} … ${firstRow + count - 1} of ${classes} values do not fit in ${out.length} values`,
    );
}
