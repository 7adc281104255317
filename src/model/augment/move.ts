/** Images moved by whole pixels, and mirrored. */
import type { ImageShape } from '../../data/dataset.js';
import { philox, philoxName } from '../../random.js';
import type { RunSpec } from '../../spec/spec.js';

/** What happens to one sample: moved right by `dx` and down by `dy` pixels, then mirrored or not. */
export interface Move {
  readonly dx: number;
  readonly dy: number;
  readonly mirrored: boolean;
}

/** Who sees the images: all layers of a chapter see the same under `layer` 0. */
export interface ViewKey {
  readonly chapter: number;
  readonly layer: number;
}

/** All moves are equally likely: one of (2 k + 1)² shifts, mirrored or not. */
export function moves(
  { seed, shift, flip }: Pick<RunSpec, 'seed' | 'shift' | 'flip'>,
  { chapter, layer }: ViewKey,
): (sample: number) => Move {
  const [key0 = 0, key1 = 0, c1 = 0, c2 = 0, c3 = 0] = philoxName(seed, 'augment', chapter, layer);
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

/** Writes `image` (planar, as `shape` says) moved to `out`, which is `ground` before: that comes in from outside. */
export function moveImage(
  image: Uint8Array,
  shape: ImageShape,
  { dx, dy, mirrored }: Move,
  out: Uint8Array,
  ground = 0,
): void {
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
      out.fill(ground, y + first, y + end);
      if (mirrored) out.subarray(y, y + width).reverse();
    }
  }
}
