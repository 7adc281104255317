/**
 * A square cut out of each training image (DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with
 * Cutout", arXiv 1708.04552): its middle is any pixel, so at the edges less of it lies within the image.
 */
import type { ImageShape } from '../../data/dataset.js';
import { philox, philoxName } from '../../random.js';
import type { RunSpec } from '../../spec/spec.js';
import type { ViewKey } from './move.js';

/** Fills a square of `image` (planar), the training sample `sample`, with `ground`, in place. */
export type Cut = (image: Uint8Array, sample: number, ground?: number) => void;

/** All pixels are equally likely to be the middle of the square of `cutout` x `cutout` pixels. */
export function cuts(
  { seed, cutout }: Pick<RunSpec, 'seed' | 'cutout'>,
  { chapter, layer }: ViewKey,
  { width, height, channels }: ImageShape,
): Cut {
  const [key0 = 0, key1 = 0, c1 = 0, c2 = 0, c3 = 0] = philoxName(seed, 'cutout', chapter, layer);
  const words = new Uint32Array(4);
  const placeOf = (word: number, size: number): number =>
    Math.floor(((words[word] as number) * size) / 2 ** 32) - Math.floor(cutout / 2);
  return (image, sample, ground = 0) => {
    philox([sample, c1, c2, c3], key0, key1, words);
    const left = placeOf(0, width);
    const top = placeOf(1, height);
    const right = Math.min(width, left + cutout);
    const bottom = Math.min(height, top + cutout);
    for (let c = 0; c < channels; c++)
      for (let y = Math.max(0, top); y < bottom; y++) {
        const row = (c * height + y) * width;
        image.fill(ground, row + Math.max(0, left), row + right);
      }
  };
}
