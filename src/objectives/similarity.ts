/**
 * The similarity matching loss of Nøkland & Eidnes ("Training Neural Networks with Local Error Signals", arXiv 1901.06656): the cosine
 * similarities of a batch's samples in a layer are to be those of their labels. In doubles, and only by sums, products, quotients and
 * square roots, so with the same bits everywhere.
 */
import type { Labels } from '../data/label-array.js';
import type { Planes } from '../kernels/block/contract.js';
import { doubleProductsInJavaScript, type DoubleProducts } from '../kernels/double-products.js';

export interface SimilarityLoss {
  /** Mean over all pairs of samples. */
  readonly loss: number;
  /** Its gradient by each value [B, width]. */
  readonly gradient: Float32Array;
}

/**
 * @param values [B, width]; of planes each channel counts by its standard deviation over the positions.
 * @param labels [B]
 * @param multiply the backend's, if it has its own
 */
export function similarityLoss(
  values: Float32Array,
  labels: Labels,
  classes: number,
  planes: Planes | undefined,
  multiply: DoubleProducts = doubleProductsInJavaScript,
): SimilarityLoss {
  const batch = labels.length;
  const width = values.length / batch;
  const spread = planes && planes.height * planes.width > 1 ? deviations(values, batch, planes) : undefined;
  const features = spread?.of ?? new Float64Array(values);
  const size = features.length / batch;
  const lengths = centredToUnitLength(features, batch, size);
  const products = new Float64Array(batch * batch);
  const pairs = { rows: batch, terms: size, columns: batch, lower: true };
  multiply(features, transposed(features, batch, size), pairs, products);
  // The loss by each product, both (i, j) and (j, i) counted.
  const slopeOf = new Float64Array(batch * batch);
  // Of one-hot vectors, their mean taken off.
  const apart = -1 / (classes - 1);
  let loss = 0;
  for (let i = 0; i < batch; i++)
    for (let j = 0; j < i; j++) {
      const product = products[i * batch + j] as number;
      const error = Math.min(1, Math.max(-1, product)) - (labels[i] === labels[j] ? 1 : apart);
      // A sample is as similar to itself as it can be.
      loss += 2 * error * error;
      const slope = (4 * error) / (batch * batch);
      slopeOf[i * batch + j] = slope;
      slopeOf[j * batch + i] = slope;
    }
  const slopes = new Float64Array(batch * size);
  multiply(slopeOf, features, { rows: batch, terms: batch, columns: size }, slopes);
  throughNormalisation(slopes, features, lengths, batch, size);
  const gradient = new Float32Array(batch * width);
  if (!spread || !planes) gradient.set(slopes);
  else throughDeviations(slopes, values, spread, planes, batch, gradient);
  return { loss: loss / (batch * batch), gradient };
}

/** [size, B] of [B, size]. */
function transposed(rows: Float64Array, batch: number, size: number): Float64Array {
  const columns = new Float64Array(rows.length);
  // A cache line of each row at a time.
  for (let from = 0; from < size; from += 8)
    for (let b = 0; b < batch; b++)
      for (let i = from; i < Math.min(size, from + 8); i++) columns[i * batch + b] = rows[b * size + i] as number;
  return columns;
}

/** Takes each row's mean off and scales it to unit length, in place; returns the lengths [B]. */
function centredToUnitLength(features: Float64Array, batch: number, size: number): Float64Array {
  const lengths = new Float64Array(batch);
  for (let b = 0; b < batch; b++) {
    const row = features.subarray(b * size, (b + 1) * size);
    let sum = 0;
    for (const value of row) sum += value;
    const mean = sum / size;
    let squares = 0;
    for (let i = 0; i < size; i++) {
      row[i] = (row[i] as number) - mean;
      squares += (row[i] as number) * (row[i] as number);
    }
    const length = Math.sqrt(squares) + 1e-8;
    lengths[b] = length;
    for (let i = 0; i < size; i++) row[i] = (row[i] as number) / length;
  }
  return lengths;
}

/** From gradients by rows of unit length to gradients by what they were made of, in place. */
function throughNormalisation(
  slopes: Float64Array,
  features: Float64Array,
  lengths: Float64Array,
  batch: number,
  size: number,
): void {
  for (let b = 0; b < batch; b++) {
    let along = 0;
    for (let i = b * size; i < (b + 1) * size; i++) along += (slopes[i] as number) * (features[i] as number);
    let sum = 0;
    for (let i = b * size; i < (b + 1) * size; i++) {
      slopes[i] = ((slopes[i] as number) - along * (features[i] as number)) / (lengths[b] as number);
      sum += slopes[i] as number;
    }
    const mean = sum / size;
    for (let i = b * size; i < (b + 1) * size; i++) slopes[i] = (slopes[i] as number) - mean;
  }
}

interface Deviations {
  /** [B, channels] */
  readonly of: Float64Array;
  readonly means: Float64Array;
}

function deviations(values: Float32Array, batch: number, { channels, height, width }: Planes): Deviations {
  const positions = height * width;
  const means = new Float64Array(batch * channels);
  const of = new Float64Array(batch * channels);
  for (let b = 0, at = 0; b < batch; b++) {
    const mean = means.subarray(b * channels, (b + 1) * channels);
    const own = of.subarray(b * channels, (b + 1) * channels);
    const start = at;
    for (let position = 0; position < positions; position++)
      for (let c = 0; c < channels; c++, at++) mean[c] = (mean[c] as number) + (values[at] as number);
    for (let c = 0; c < channels; c++) mean[c] = (mean[c] as number) / positions;
    at = start;
    for (let position = 0; position < positions; position++)
      for (let c = 0; c < channels; c++, at++) {
        const d = (values[at] as number) - (mean[c] as number);
        own[c] = (own[c] as number) + d * d;
      }
    for (let c = 0; c < channels; c++) own[c] = Math.sqrt((own[c] as number) / (positions - 1));
  }
  return { of, means };
}

/** `of` was overwritten by rows of unit length, so deviations are computed again. */
function throughDeviations(
  slopes: Float64Array,
  values: Float32Array,
  { means }: Deviations,
  planes: Planes,
  batch: number,
  gradient: Float32Array,
): void {
  const { channels, height, width } = planes;
  const positions = height * width;
  const { of } = deviations(values, batch, planes);
  for (let b = 0, at = 0; b < batch; b++)
    for (let position = 0; position < positions; position++)
      for (let c = 0; c < channels; c++, at++) {
        const k = b * channels + c;
        const deviation = of[k] as number;
        if (deviation > 0)
          gradient[at] =
            ((slopes[k] as number) * ((values[at] as number) - (means[k] as number))) / ((positions - 1) * deviation);
      }
}
