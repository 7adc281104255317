/** A trained network ready to predict: scores, classes, and how well it does on labelled samples. */
import type { Labels } from '../data/label-array.js';
import { ConfusionCounter, type Confusion } from './confusion.js';
import type { LayerKernel, Kernels } from '../kernels/kernels.js';
import type { RunSpec } from '../spec/spec.js';
import type { Augment } from './augment/augment.js';
import type { LabelledData } from './labelled-data.js';
import type { LayerState } from '../layers/layer-state.js';
import {
  sampleBlock,
  classifierFeatures,
  goodnessScores,
  headLogProbabilities,
  headScores,
  openForInference,
  strongestClass,
  sumScores,
  type LayerScores,
} from './prediction.js';

/** How well a network predicts labelled samples. */
export interface Evaluation {
  readonly samples: number;
  /** Share of samples predicted right, 0 … 1, by the spec's classifier. */
  readonly accuracy: number;
  /** The same with one layer's scores alone: goodness or its head. Empty for the Softmax classifier. */
  readonly layerAccuracy: readonly number[];
  /** Counts, [true class][predicted class]; of more than 256 classes, the pairs that occurred. */
  readonly confusion: Confusion;
}

/** Of some samples, [B, C] each. */
interface Scores {
  readonly layers: LayerScores;
  readonly combined: Float32Array;
}

/** Opens the layers' kernels once; `close` frees them. */
export class Predictor {
  readonly #kernels: Kernels;
  readonly #spec: RunSpec;
  readonly #layers: readonly (readonly LayerKernel[])[];
  readonly #classifier: LayerKernel | undefined;

  private constructor(
    kernels: Kernels,
    spec: RunSpec,
    layers: readonly (readonly LayerKernel[])[],
    classifier: LayerKernel | undefined,
  ) {
    this.#kernels = kernels;
    this.#spec = spec;
    this.#layers = layers;
    this.#classifier = classifier;
  }

  /** `states`: the layers in order, then the classifier's if the spec's classifier is softmax. */
  static async open(kernels: Kernels, spec: RunSpec, states: readonly LayerState[]): Promise<Predictor> {
    const opened: LayerKernel[][] = [];
    for (const state of states) opened.push(await openForInference(kernels, state));
    const classifier = spec.classifier === 'softmax' ? opened.pop()?.[0] : undefined;
    return new Predictor(kernels, spec, opened, classifier);
  }

  /** Scores of each layer alone, and of the spec's classifier, for `rows` [B] of `data`: [B, C] each. */
  async scores(data: LabelledData, rows: Uint32Array): Promise<Scores> {
    const first = this.#layers.map((parts) => parts[0] as LayerKernel);
    switch (this.#spec.classifier) {
      case 'goodness': {
        const layers = await goodnessScores(this.#kernels, first, this.#spec.goodness, data, rows);
        return { layers, combined: sumScores(layers.slice(1)) };
      }
      case 'softmax': {
        const features = await classifierFeatures(this.#kernels, first, data, rows);
        const classifier = this.#classifier as LayerKernel;
        return { layers: [], combined: await headLogProbabilities(classifier, features, rows.length) };
      }
      case 'last-head':
      case 'all-heads': {
        const layers = await headScores(this.#kernels, this.#layers, this.#spec, data, rows);
        const combined = this.#spec.classifier === 'all-heads' ? sumScores(layers) : (layers.at(-1) as Float32Array);
        return { layers, combined };
      }
    }
  }

  /**
   * Evaluates on all of `data`, giving way to other work between blocks.
   * @param seenAlso another view of each sample, whose scores are added to its own
   */
  async evaluate(
    data: LabelledData,
    onBlock?: (done: number) => Promise<void> | void,
    seenAlso?: Augment,
  ): Promise<Evaluation> {
    const { count, labels } = data.samples;
    const classes = data.layout.suffix;
    const block = sampleBlock(classes);
    const counter = new ConfusionCounter(classes);
    let right = 0;
    let layerRight: number[] = [];
    for (let start = 0; start < count; start += block) {
      const rows = Uint32Array.from({ length: Math.min(block, count - start) }, (_, i) => start + i);
      const { layers, combined } = await this.#scoresOfViews(data, rows, seenAlso);
      if (start === 0) layerRight = layers.map(() => 0);
      const truth = labels.subarray(start, start + rows.length);
      strongestClass(combined, classes).forEach((predicted, b) => {
        counter.add(truth[b] as number, predicted);
        if (predicted === truth[b]) right++;
      });
      layers.forEach((scores, layer) => {
        layerRight[layer] = (layerRight[layer] as number) + countEqual(strongestClass(scores, classes), truth);
      });
      await onBlock?.(start + rows.length);
    }
    return {
      samples: count,
      accuracy: right / count,
      // Plain backpropagation has a head at the last layer only, which says nothing of layers alone.
      layerAccuracy: layerRight.length < this.#layers.length ? [] : layerRight.map((n) => n / count),
      confusion: counter.confusion(),
    };
  }

  async #scoresOfViews(data: LabelledData, rows: Uint32Array, seenAlso: Augment | undefined): Promise<Scores> {
    const { layers, combined } = await this.scores(data, rows);
    if (!seenAlso) return { layers, combined };
    const view = seenAlso(data, rows);
    const also = await this.scores(view.data, view.rows);
    return {
      layers: layers.map((scores, layer) => sumScores([scores, also.layers[layer] as Float32Array])),
      combined: sumScores([combined, also.combined]),
    };
  }

  close(): void {
    for (const parts of this.#layers) for (const kernel of parts) kernel.close();
    this.#classifier?.close();
  }
}

function countEqual(a: Labels, b: Labels): number {
  let equal = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) equal++;
  return equal;
}
