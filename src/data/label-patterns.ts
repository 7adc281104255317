/**
 * A pattern over the whole image for each label, so that every place of a layer whose filters are shared sees the label, and each place
 * another part of it (after Scodellaro et al., "Training Convolutional Neural Networks with the Forward-Forward Algorithm", arXiv
 * 2312.14924, who lay waves over images). Here it is noise: small squares brighter or darker, drawn once for all runs; on held-out images
 * it did better than waves (docs/LOG.md).
 */
import { RandomStream } from '../random.js';
import { imageSize, type ImageShape } from './dataset.js';

/** How much a pattern adds or takes away, in units of a white pixel. */
const STRENGTH = 0.5;
/** Side of a square, in pixels. */
const SIDE = 2;

/** Added to images, the same in each channel. */
export interface LabelPatterns {
  /** [C, values of an image], planar: ± STRENGTH. */
  readonly each: Float32Array;
  /** Their mean [values of an image]: the label of rows that have none. */
  readonly neutral: Float32Array;
  /** What squared length a row is reckoned to have more by a pattern, and by their mean: as if they had nothing in common with it. */
  readonly norm2: number;
  readonly neutralNorm2: number;
}

const known = new Map<string, LabelPatterns>();

export function labelPatterns(shape: ImageShape, classes: number): LabelPatterns {
  const key = `${shape.channels}x${shape.height}x${shape.width} ${classes}`;
  const found = known.get(key) ?? makePatterns(shape, classes);
  known.set(key, found);
  return found;
}

function makePatterns(shape: ImageShape, classes: number): LabelPatterns {
  const { width, height, channels } = shape;
  const size = imageSize(shape);
  const across = Math.ceil(width / SIDE);
  const squares = across * Math.ceil(height / SIDE);
  const each = new Float32Array(classes * size);
  const sum = new Float64Array(size);
  for (let c = 0, at = 0; c < classes; c++) {
    const stream = new RandomStream(0, 'patterns', c);
    const values = Float32Array.from({ length: squares }, () => (stream.below(2) === 0 ? -STRENGTH : STRENGTH));
    for (let channel = 0; channel < channels; channel++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++, at++) {
          const value = values[Math.floor(y / SIDE) * across + Math.floor(x / SIDE)] as number;
          each[at] = value;
          sum[at % size] = (sum[at % size] as number) + value;
        }
  }
  const norm2 = STRENGTH * STRENGTH * size;
  return { each, neutral: Float32Array.from(sum, (value) => value / classes), norm2, neutralNorm2: norm2 / classes };
}
