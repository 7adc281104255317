/** Goodness prediction of the paper's whole network: ten labels at once, and label by label as ten separate passes. */
import { fillSameLabel } from '../../src/data/labels.js';
import type { Samples } from '../../src/data/dataset.js';
import type { Kernels, LayerInput, LayerKernel } from '../../src/kernels/kernels.js';
import { initialState } from '../../src/layers/layer-state.js';
import { stageImages, type LabelledData } from '../../src/model/labelled-data.js';
import { networkStructure } from '../../src/model/network.js';
import { goodnessScores, openForPassing } from '../../src/model/prediction.js';
import { RandomStream } from '../../src/random.js';
import { labelled } from '../../src/node/prepare.js';
import { resolveSpec } from '../../src/spec/spec.js';
import type { Case } from './measure.js';

const IMAGES = 64;
const CLASSES = 10;
export const AT_ONCE = `prediction, ${IMAGES} images, 784-2000-2000-2000-2000, ten labels at once`;
export const LABEL_BY_LABEL = `prediction, ${IMAGES} images, 784-2000-2000-2000-2000, ten separate passes`;

export async function networkCases(kernels: Kernels): Promise<{ cases: Case[]; close: () => void }> {
  const spec = resolveSpec({ layers: [784, 2000, 2000, 2000, 2000], negatives: 'random' });
  const data = randomImages();
  const structures = networkStructure(spec, data.layout).layers;
  const layers = await Promise.all(structures.map((each) => openForPassing(kernels, initialState(each, spec.seed))));
  const rows = Uint32Array.from({ length: IMAGES }, (_, i) => i);
  const flop = layers.reduce((sum, layer) => sum + 2 * CLASSES * IMAGES * layer.inputs * layer.outputs, 0);
  const cases: Case[] = [
    { name: AT_ONCE, flop, run: () => goodnessScores(kernels, layers, 'mean', data, rows) },
    {
      name: LABEL_BY_LABEL,
      flop,
      run: async () => {
        for (let label = 0; label < CLASSES; label++) await onePass(kernels, layers, data, rows, label);
      },
    },
  ];
  return {
    cases,
    close: () => {
      for (const layer of layers) layer.close();
    },
  };
}

/** As `goodnessScores` does, but with one label only. */
async function onePass(
  kernels: Kernels,
  layers: readonly LayerKernel[],
  data: LabelledData,
  rows: Uint32Array,
  label: number,
): Promise<void> {
  const { oneHot } = data;
  const suffix = new Float32Array(IMAGES * CLASSES);
  const prefix = await stageImages(kernels, data, rows, oneHot);
  fillSameLabel(label, oneHot.label, CLASSES, suffix, 0, rows);
  let input: LayerInput = { prefix, batch: IMAGES, variants: 1, suffix };
  for (const [index, layer] of layers.entries()) {
    const last = index === layers.length - 1;
    const activations = last ? undefined : new Float32Array(IMAGES * layer.outputs);
    await layer.infer(input, { activations, normalise: !last, sumSquares: new Float32Array(IMAGES) });
    if (activations) input = { prefix: activations, batch: IMAGES, variants: 1 };
  }
}

/** As many of their values 0 as MNIST has: about four in five. */
function randomImages(): LabelledData {
  const images = new Uint8Array(IMAGES * 784);
  const stream = new RandomStream(1, 'test');
  images.forEach((_, i) => {
    images[i] = stream.below(5) === 0 ? stream.below(256) : 0;
  });
  const samples: Samples = { count: IMAGES, images, labels: new Uint8Array(IMAGES) };
  const layout = { skip: CLASSES, prefix: 774, suffix: CLASSES, inputs: 784 };
  return labelled(samples, layout, { width: 28, height: 28, channels: 1 }, { subtractMean: false });
}
