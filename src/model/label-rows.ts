/** Rows of the first layer that carry their label as a pattern over the image. */
import { labelPatterns } from '../data/label-patterns.js';
import type { ImageShape } from '../data/dataset.js';
import type { LayerInput } from '../kernels/kernels.js';

/** Rows before their label. */
export interface UnlabelledRows {
  /** [B, values of an image] */
  readonly images: Float32Array;
  /** [n]: what a pattern of row b is multiplied by is `scale[rows[b]]`. */
  readonly scale: Float32Array;
  readonly rows: Uint32Array;
}

/**
 * One row for each label of each sample: `variants` has the labels [B] of each variant, or is `neutral` for one variant with the mean of
 * all patterns. Rows are complete, so they enter as those of any other layer: V · B of them, variant by variant, none of them shared.
 */
export function patternedRows(
  { images, scale, rows }: UnlabelledRows,
  shape: ImageShape,
  classes: number,
  variants: readonly ArrayLike<number>[] | 'neutral',
): LayerInput {
  const { each, neutral } = labelPatterns(shape, classes);
  const batch = rows.length;
  const size = neutral.length;
  const asked = variants === 'neutral' ? [undefined] : variants;
  const prefix = new Float32Array(asked.length * images.length);
  asked.forEach((labels, v) => {
    for (let b = 0; b < batch; b++) {
      const pattern = labels
        ? each.subarray((labels[b] as number) * size, ((labels[b] as number) + 1) * size)
        : neutral;
      const by = scale[rows[b] as number] as number;
      const to = (v * batch + b) * size;
      // In f64, rounded to f32 once: the same on every machine.
      for (let p = 0; p < size; p++) prefix[to + p] = (images[b * size + p] as number) + by * (pattern[p] as number);
    }
  });
  return { prefix, batch: asked.length * batch, variants: 1 };
}
