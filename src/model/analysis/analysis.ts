/**
 * A look into a network at one moment, on a small fixed sample: what pages and reports draw. It reads layer states and
 * changes none. Plain JSON data; everything counts from 0.
 */
import type { ImageShape } from '../../data/dataset.js';

/** Goodness of a layer's positive and negative rows, as two histograms over the same bins. */
export interface GoodnessHistogram {
  /** Edges of the first and the last bin; bins are equally wide, and rows beyond the last edge count in the last bin. */
  readonly from: number;
  readonly to: number;
  /** [bins]: how many rows. */
  readonly positive: readonly number[];
  readonly negative: readonly number[];
  /** Overlap coefficient of the two, Σ min(p, n) over bins of shares, 0 … 1: 0 where they part, 1 where they are the same. */
  readonly overlap: number;
  /** Share of positive rows at or below θ, and of negative rows above it; absent for objectives that have no θ. */
  readonly positiveBelow?: number;
  readonly negativeAbove?: number;
}

export interface LayerAnalysis {
  readonly units: number;
  /** Units that are 0 for every row of the sample: they say nothing. */
  readonly dead: number;
  /** Units that are above 0 for every row: the layer is linear in them. */
  readonly saturated: number;
  /** Mean share of units above 0, 0 … 1. */
  readonly active: number;
  /** Share of the sample that the layer predicts right by itself; absent where it cannot. */
  readonly accuracy?: number;
  /** Absent for objectives without negative samples. */
  readonly goodness?: GoodnessHistogram;
}

/** Weights from the image to units of the first layer, as images; of a convolution its windows, one a channel. */
export interface ReceptiveFields {
  /** Of the image, or of a convolution's window. */
  readonly shape: ImageShape;
  /** Which units or channels, evenly spaced over the layer. */
  readonly units: readonly number[];
  /** How many channels a convolution has; absent for other layers. */
  readonly channels?: number;
  /**
   * Base64 of int8 [units, values of an image], planar: each unit's weights over its own largest magnitude, times 127. Values
   * that the label is written over are 0.
   */
  readonly weights: string;
}

/** What a layer of planes makes of the samples of `FeatureMaps`. */
export interface LayerMaps {
  readonly layer: number;
  readonly width: number;
  readonly height: number;
  /** Which channels, evenly spaced over the layer … */
  readonly channels: readonly number[];
  /** … of how many. */
  readonly of: number;
  /** Base64 of bytes [samples, channels, height, width]: magnitudes over the largest one of the sample's channels shown, times 255. */
  readonly maps: string;
}

/** Activations of layers of planes for a few samples, with their true label where labels enter. */
export interface FeatureMaps {
  readonly shape: ImageShape;
  readonly samples: readonly { readonly sample: number; readonly truth: number }[];
  /** Base64 of the samples' bytes, one after the other, planar. */
  readonly images: string;
  readonly layers: readonly LayerMaps[];
}

/** A sample that the network is wrong about. */
export interface Confused {
  /** Number of the sample in the data that accuracy is measured on. */
  readonly sample: number;
  readonly truth: number;
  readonly predicted: number;
  /** Score of the predicted class less that of the true one: by this they are ordered. */
  readonly margin: number;
}

export interface ConfusedImages {
  readonly shape: ImageShape;
  /** Worst first. */
  readonly samples: readonly Confused[];
  /** Base64 of the images' bytes, one after the other, planar. */
  readonly images: string;
}

export interface NetworkAnalysis {
  /** How many samples were looked at. */
  readonly samples: number;
  /** Share of them predicted right by the spec's classifier. */
  readonly accuracy: number;
  readonly layers: readonly LayerAnalysis[];
  readonly receptiveFields: ReceptiveFields;
  /** Absent where no layer has planes. */
  readonly featureMaps?: FeatureMaps;
  readonly confused: ConfusedImages;
}
