/** Samples with their place and scale in the first layer's input. */
import type { ImageShape, Samples } from '../data/dataset.js';
import type { LabelLayout, RowScales } from '../data/labels.js';

/** One split of a dataset, ready for the first layer. Everything in it can be shared between threads. */
export interface LabelledData {
  readonly samples: Samples;
  readonly layout: LabelLayout;
  readonly shape: ImageShape;
  /** Scales of rows with a one-hot label, and with a neutral one. */
  readonly oneHot: RowScales;
  readonly neutral: RowScales;
}
