/** Samples with their place and scale in the first layer's input. */
import type { ImageShape, Samples } from '../data/dataset.js';
import type { LabelLayout, RowScales } from '../data/labels.js';
import type { Kernels } from '../kernels/kernels.js';

/** The training or the test samples of a dataset, ready for the first layer. Everything in it can be shared between threads. */
export interface LabelledData {
  readonly samples: Samples;
  readonly layout: LabelLayout;
  readonly shape: ImageShape;
  /** Scales of rows with a one-hot label, and with a neutral one. */
  readonly oneHot: RowScales;
  readonly neutral: RowScales;
}

/**
 * The image part [B, P] of the first layer's input for the samples `rows` [B]: values by their scale, less their mean where
 * the scales have one.
 */
export async function stageImages(
  kernels: Kernels,
  { samples, layout }: LabelledData,
  rows: Uint32Array,
  { bytes, mean }: RowScales,
): Promise<Float32Array> {
  const { prefix, skip } = layout;
  const out = new Float32Array(rows.length * prefix);
  const { images } = samples;
  if (images instanceof Uint8Array) await kernels.stageBytes(images, skip + prefix, skip, rows, bytes, out);
  else stageFloats(images, layout, rows, bytes, out);
  if (mean)
    for (let b = 0; b < rows.length; b++) {
      const value = mean[rows[b] as number] as number;
      // The difference of two f32 in f64, rounded to f32: the same on every machine.
      for (let p = b * prefix; p < (b + 1) * prefix; p++) out[p] = (out[p] as number) - value;
    }
  return out;
}

/** As `Kernels.stageBytes`, for f32: each product is rounded once, so that it is the same on every machine. */
function stageFloats(
  values: Float32Array,
  { prefix, skip }: LabelLayout,
  rows: Uint32Array,
  scales: Float32Array,
  out: Float32Array,
): void {
  rows.forEach((row, b) => {
    const from = row * (skip + prefix) + skip;
    const scale = scales[row] as number;
    for (let p = 0; p < prefix; p++) out[b * prefix + p] = (values[from + p] as number) * scale;
  });
}
