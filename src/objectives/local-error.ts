/**
 * The local losses of Nøkland & Eidnes ("Training Neural Networks with Local Error Signals", arXiv 1901.06656), by their names:
 * `pred`, a softmax head on averages of the activations; `sim`, similarity matching of a linear map (a 3x3 convolution on planes) of
 * the activations (a head learns beside it, for predictions, and the layer sees nothing of that); `predsim`, 0.01 times the one and 0.99
 * times the other. No negative samples; activations pass on as they are.
 */
import type { LayerKernel } from '../kernels/kernels.js';
import type { StepStats } from '../kernels/trainer.js';
import type { Geometry, PartStructure } from '../layers/layer-kind.js';
import { similarityMap } from '../layers/similarity-map.js';
import { headPart, heStart, layerPart } from './head-parts.js';
import { localHead, LocalHeadTraining } from './local-head-training.js';
import type { LayerObjective, LayerPlace, Objective, ObjectiveSettings, ObjectiveStep } from './objective.js';
import { similarityLoss } from './similarity.js';
import { crossEntropy } from './softmax.js';

/** Share of the similarity loss in `predsim`. */
const SIMILARITY = 0.99;

/** What losses of a layer's own heads learn well with. */
export const LOCAL_RATES: Objective['rates'] = {
  adam: { learningRate: 0.002, headLearningRate: 0.002, weightDecay: 0 },
  sgd: { learningRate: 0.1, headLearningRate: 0.1, weightDecay: 0 },
};

const common = {
  variants: 1,
  trains: 'layer',
  rates: LOCAL_RATES,
  unitLength: false,
  headScores: 'log-probabilities',
} as const;

export const pred: Objective = {
  ...common,
  name: 'pred',
  classifiers: ['last-head', 'all-heads'],
  parts: (settings, place) => [layerPart(settings, place, heStart(place, 1)), headPart(place)],
  begin: (settings) => new LocalHeadTraining(settings),
  describe: localHead,
};

export const sim: Objective = { ...matching('sim'), begin: (settings) => new SimilarityTraining(1, settings) };

export const predsim: Objective = {
  ...matching('predsim'),
  begin: (settings) => new SimilarityTraining(SIMILARITY, settings),
};

function matching(name: string): Omit<Objective, 'begin'> {
  return {
    ...common,
    name,
    classifiers: ['last-head', 'all-heads'],
    comparesSamples: true,
    parts: (settings, place) => [layerPart(settings, place, heStart(place, 1)), headPart(place), similarityPart(place)],
    describe: () => undefined,
  };
}

function similarityPart({ geometry }: LayerPlace): PartStructure {
  const map: Geometry = similarityMap(geometry);
  return {
    role: 'similarity',
    geometry: map,
    labelInputs: 0,
    initialDeviation: Math.sqrt(2 / geometry.outputs),
    withoutBias: true,
  };
}

/** Kernels are [layer, head, similarity map]. The head always learns; how much of its loss the layer sees is `1 - share`. */
export class SimilarityTraining implements LayerObjective {
  readonly #share: number;
  readonly #labelSmoothing: number;

  constructor(share: number, { labelSmoothing }: Pick<ObjectiveSettings, 'labelSmoothing'>) {
    this.#share = share;
    this.#labelSmoothing = labelSmoothing;
  }

  async step({
    kernels,
    input,
    labels,
    layerRule,
    headRule,
    dropout,
    doubleProducts,
  }: ObjectiveStep): Promise<StepStats> {
    const [layer, head, map] = kernels as readonly [LayerKernel, LayerKernel, LayerKernel];
    const share = this.#share;
    const samples = labels.length;
    await layer.forward(input);
    await dropout?.apply(layer, samples);
    const below = { prefix: await layer.activations(), batch: samples, variants: 1 };
    const scale = dropout?.scale ?? 1;

    await map.forward(below);
    const found = similarityLoss(await map.activations(), labels, head.outputs, map.planes, doubleProducts);
    const mapDelta = scaled(found.gradient, share);
    const layerDelta = new Float32Array(samples * layer.outputs);
    await map.inputGradient({ values: scaled(mapDelta, scale) }, layerDelta);

    await head.forward(below);
    const headDelta = new Float32Array(samples * head.outputs);
    const stats = crossEntropy(await head.activations(), labels, head.outputs, headDelta, this.#labelSmoothing);
    if (share < 1) {
      const fromHead = new Float32Array(layerDelta.length);
      await head.inputGradient({ values: headDelta.map((delta) => delta * (1 - share) * scale) }, fromHead);
      for (let i = 0; i < layerDelta.length; i++) layerDelta[i] = (layerDelta[i] as number) + (fromHead[i] as number);
    }
    await head.update({ values: headDelta }, headRule);
    await map.update({ values: mapDelta }, layerRule);
    await layer.update({ values: layerDelta }, layerRule);
    return { ...stats, loss: (1 - share) * stats.loss + share * samples * found.loss };
  }
}

function scaled(values: Float32Array, factor: number): Float32Array {
  if (factor === 1) return values;
  const products = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) products[i] = (values[i] as number) * factor;
  return products;
}
