/** Feature maps: what each layer of planes makes of a few samples, as images. */
import { imageSize, type Samples } from '../../data/dataset.js';
import type { Kernels, LayerKernel } from '../../kernels/kernels.js';
import { passesUnitLength, usesNegatives, type RunSpec } from '../../spec/spec.js';
import type { LabelledData } from '../labelled-data.js';
import { stageRows } from '../prediction.js';
import type { FeatureMaps, LayerMaps } from './analysis.js';
import { asBytes, toBase64 } from './images.js';

/** How many samples, and channels of a layer, are shown at most. */
const SAMPLES = 3;
const CHANNELS = 12;

/** Of the layers `kernels`, in order; undefined where none of them has planes. `sample` are those that the analysis looks at. */
export async function featureMaps(
  backend: Kernels,
  kernels: readonly LayerKernel[],
  spec: RunSpec,
  data: LabelledData,
  sample: Uint32Array,
): Promise<FeatureMaps | undefined> {
  if (!kernels.some(({ planes }) => planes)) return undefined;
  const shown = Uint32Array.from({ length: Math.min(SAMPLES, sample.length) }, (_, i) => {
    const place = Math.floor((i * sample.length) / Math.min(SAMPLES, sample.length));
    return sample[place] as number;
  });
  const truth = Array.from(shown, (row) => data.samples.labels[row] as number);
  // With the true label, where labels enter: its row among those of all labels.
  const labelled = usesNegatives(spec.objective);
  const rowOf = (b: number): number => (labelled ? (truth[b] as number) * shown.length + b : b);
  let input = await stageRows(backend, data, shown, labelled ? 'all-labels' : 'neutral');
  const layers: LayerMaps[] = [];
  for (const [layer, kernel] of kernels.entries()) {
    const rows = input.batch * input.variants;
    const activations = new Float32Array(rows * kernel.outputs);
    await kernel.infer(input, { activations, normalise: passesUnitLength(spec) });
    const { planes } = kernel;
    if (planes)
      layers.push(
        mapsOf(
          layer,
          activations,
          planes,
          Array.from(shown, (_, b) => rowOf(b)),
        ),
      );
    input = { prefix: activations, batch: rows, variants: 1 };
  }
  const samples = Array.from(shown, (row, b) => ({ sample: row, truth: truth[b] as number }));
  return { shape: data.shape, samples, images: imagesOf(data, shown), layers };
}

/** Of `rows` of activations [R, positions, channels], each row over its own largest value. */
function mapsOf(
  layer: number,
  activations: Float32Array,
  { channels, height, width }: NonNullable<LayerKernel['planes']>,
  rows: readonly number[],
): LayerMaps {
  const positions = height * width;
  const count = Math.min(CHANNELS, channels);
  const shown = Array.from({ length: count }, (_, i) => Math.floor((i * channels) / count));
  const bytes = new Uint8Array(rows.length * count * positions);
  rows.forEach((row, r) => {
    const own = activations.subarray(row * positions * channels, (row + 1) * positions * channels);
    const value = (channel: number, position: number): number => Math.abs(own[position * channels + channel] as number);
    let largest = 0;
    for (const channel of shown) for (let p = 0; p < positions; p++) largest = Math.max(largest, value(channel, p));
    if (!(largest > 0 && largest < Number.POSITIVE_INFINITY)) return;
    shown.forEach((channel, i) => {
      for (let p = 0; p < positions; p++)
        bytes[(r * count + i) * positions + p] = Math.round((255 * value(channel, p)) / largest);
    });
  });
  return { layer, width, height, channels: shown, of: channels, maps: toBase64(bytes) };
}

function imagesOf({ samples, shape }: { samples: Samples; shape: FeatureMaps['shape'] }, shown: Uint32Array): string {
  const size = imageSize(shape);
  const bytes = new Uint8Array(shown.length * size);
  shown.forEach((row, i) => bytes.set(asBytes(samples.images.subarray(row * size, (row + 1) * size)), i * size));
  return toBase64(bytes);
}
