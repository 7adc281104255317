/** Images for people: weights of the first layer, and samples that the network is wrong about. */
import { imageSize, type ImageShape, type Samples, type SampleValues } from '../../data/dataset.js';
import type { LabelLayout } from '../../data/labels.js';
import { kindOf } from '../../layers/kinds.js';
import type { LayerState } from '../../layers/layer-state.js';
import type { PartStructure, PartTensors } from '../../layers/layer-kind.js';
import type { Confused, ConfusedImages, ReceptiveFields } from './analysis.js';

/** How many units of the first layer, and how many samples, are shown at most. */
const FIELDS = 36;
const CONFUSED = 24;

/** Weights of the first layer from the image to `FIELDS` units, or the windows of as many channels. */
export function receptiveFields(shape: ImageShape, layout: LabelLayout, first: LayerState): ReceptiveFields {
  const { geometry } = first.structure.parts[0] as PartStructure;
  const tensors = first.parts[0] as PartTensors;
  const kind = kindOf(geometry);
  const windows = kind.windows?.(geometry, tensors);
  if (windows) {
    const { planes, weights, outputs } = windows;
    const whole = { skip: 0, prefix: imageSize(planes) };
    return { ...pictures(planes, whole, weights, outputs), channels: outputs };
  }
  return pictures(shape, layout, kind.inputWeights?.(geometry, tensors) ?? new Float32Array(), geometry.outputs);
}

/** Of weights [I, O]; the first value of `shape` that has one is `skip`. */
function pictures(
  shape: ImageShape,
  layout: Pick<LabelLayout, 'skip' | 'prefix'>,
  weights: Float32Array,
  outputs: number,
): ReceptiveFields {
  const size = imageSize(shape);
  const shown = Math.min(FIELDS, outputs);
  const units = Array.from({ length: shown }, (_, i) => Math.floor((i * outputs) / shown));
  const bytes = new Uint8Array(shown * size);
  units.forEach((unit, i) => {
    let largest = 0;
    for (let p = 0; p < layout.prefix; p++)
      largest = Math.max(largest, Math.abs(weights[p * outputs + unit] as number));
    if (!(largest > 0 && largest < Number.POSITIVE_INFINITY)) return;
    for (let p = 0; p < layout.prefix; p++)
      bytes[i * size + layout.skip + p] = Math.round((127 * (weights[p * outputs + unit] as number)) / largest) & 0xff;
  });
  return { shape, units, weights: toBase64(bytes) };
}

/** The `CONFUSED` samples with the largest margins, with their images. */
export function confusedImages(shape: ImageShape, samples: Samples, confused: readonly Confused[]): ConfusedImages {
  const size = imageSize(shape);
  const worst = confused.toSorted((a, b) => b.margin - a.margin || a.sample - b.sample).slice(0, CONFUSED);
  const bytes = new Uint8Array(worst.length * size);
  worst.forEach(({ sample }, i) => {
    const values = samples.images.subarray(sample * size, (sample + 1) * size);
    bytes.set(asBytes(values), i * size);
  });
  return { shape, samples: worst, images: toBase64(bytes) };
}

/** Values of a sample as bytes to be looked at. */
export function asBytes(values: SampleValues): Uint8Array {
  return values instanceof Uint8Array ? values : Uint8Array.from(values, asGrey);
}

/** Columns lie around 0, most of them within three standard deviations. */
function asGrey(value: number): number {
  return Math.max(0, Math.min(255, Math.round(128 + 42 * value)));
}

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
