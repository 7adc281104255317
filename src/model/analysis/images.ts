/** Images for people: weights of the first layer, and samples that the network is wrong about. */
import { imageSize, type ImageShape, type Samples } from '../../data/dataset.js';
import type { LabelLayout } from '../../data/labels.js';
import { kindOf } from '../../layers/kinds.js';
import type { LayerState } from '../../layers/layer-state.js';
import type { PartStructure, PartTensors } from '../../layers/layer-kind.js';
import type { Confused, ConfusedImages, ReceptiveFields } from './analysis.js';

/** How many units of the first layer, and how many samples, are shown at most. */
const FIELDS = 36;
const CONFUSED = 24;

/** Weights [I, O] of the first layer from the image to `FIELDS` units. */
export function receptiveFields(shape: ImageShape, layout: LabelLayout, first: LayerState): ReceptiveFields {
  const { geometry } = first.structure.parts[0] as PartStructure;
  const { outputs } = geometry;
  const weights = kindOf(geometry).inputWeights?.(geometry, first.parts[0] as PartTensors) ?? new Float32Array();
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
    bytes.set(values instanceof Uint8Array ? values : values.map(asGrey), i * size);
  });
  return { shape, samples: worst, images: toBase64(bytes) };
}

/** Columns lie around 0, most of them within three standard deviations. */
function asGrey(value: number): number {
  return Math.max(0, Math.min(255, Math.round(128 + 42 * value)));
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
