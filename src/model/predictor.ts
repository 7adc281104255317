/** A trained network ready to predict: scores, classes, and how well it does on labelled samples. */
import type { DenseKernel, Kernels } from '../kernels/kernels.js';
import type { RunSpec } from '../spec/spec.js';
import type { LabelledData } from './labelled-data.js';
import type { LayerState } from './layer-state.js';
import {
  PREDICTION_BLOCK,
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
  /** [true class][predicted class]: counts. */
  readonly confusion: readonly (readonly number[])[];
}

/** Opens the layers' kernels once; `close` frees them. */
export class Predictor {
  readonly #kernels: Kernels;
  readonly #spec: RunSpec;
  readonly #layers: readonly (readonly DenseKernel[])[];
  readonly #classifier: DenseKernel | undefined;

  /** `states`: the layers in order, then the classifier's if the spec's classifier is softmax. */
  constructor(kernels: Kernels, spec: RunSpec, states: readonly LayerState[], classes: number) {
    this.#kernels = kernels;
    this.#spec = spec;
    const opened = states.map((state) => openForInference(kernels, state, classes));
    this.#classifier = spec.classifier === 'softmax' ? opened.pop()?.[0] : undefined;
    this.#layers = opened;
  }

  /** Scores of each layer alone, and of the spec's classifier, for `rows` [B] of `data`: [B, C] each. */
  scores(data: LabelledData, rows: Uint32Array): { readonly layers: LayerScores; readonly combined: Float32Array } {
    const first = this.#layers.map((parts) => parts[0] as DenseKernel);
    switch (this.#spec.classifier) {
      case 'goodness': {
        const layers = goodnessScores(this.#kernels, first, this.#spec.goodness, data, rows);
        return { layers, combined: sumScores(layers.slice(1)) };
      }
      case 'softmax': {
        const features = classifierFeatures(this.#kernels, first, data, rows);
        return { layers: [], combined: headLogProbabilities(this.#classifier as DenseKernel, features, rows.length) };
      }
      case 'last-head':
      case 'all-heads': {
        const layers = headScores(this.#kernels, this.#layers, this.#spec, data, rows);
        const combined = this.#spec.classifier === 'all-heads' ? sumScores(layers) : (layers.at(-1) as Float32Array);
        return { layers, combined };
      }
    }
  }

  /** Evaluates on all of `data`, giving way to other work between blocks. */
  async evaluate(data: LabelledData, onBlock?: (done: number) => Promise<void> | void): Promise<Evaluation> {
    const { count, labels } = data.samples;
    const classes = data.layout.suffix;
    const confusion = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
    let right = 0;
    let layerRight: number[] = [];
    for (let start = 0; start < count; start += PREDICTION_BLOCK) {
      const rows = Uint32Array.from({ length: Math.min(PREDICTION_BLOCK, count - start) }, (_, i) => start + i);
      const { layers, combined } = this.scores(data, rows);
      if (start === 0) layerRight = layers.map(() => 0);
      const truth = labels.subarray(start, start + rows.length);
      strongestClass(combined, classes).forEach((predicted, b) => {
        const row = confusion[truth[b] as number] as number[];
        row[predicted] = (row[predicted] as number) + 1;
        if (predicted === truth[b]) right++;
      });
      layers.forEach((scores, layer) => {
        layerRight[layer] = (layerRight[layer] as number) + countEqual(strongestClass(scores, classes), truth);
      });
      await onBlock?.(start + rows.length);
    }
    return { samples: count, accuracy: right / count, layerAccuracy: layerRight.map((n) => n / count), confusion };
  }

  close(): void {
    for (const parts of this.#layers) for (const kernel of parts) kernel.close();
    this.#classifier?.close();
  }
}

function countEqual(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + (value === b[i] ? 1 : 0), 0);
}
