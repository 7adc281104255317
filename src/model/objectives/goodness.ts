/**
 * Objectives on goodness: a layer learns to have high goodness for positive and low goodness for negative samples
 * (Hinton, "The Forward-Forward Algorithm", 2022). How loss follows from goodness is a `GoodnessLoss`, which users may
 * write themselves; how goodness follows from activations, and gradients from the loss, is here.
 */
import type { DenseKernel, LayerInput, UpdateRule } from '../../kernels/kernels.js';
import { sigmoid, softplus } from '../../math.js';
import type { RunSpec } from '../../spec/spec.js';
import type { OutputDropout } from '../dropout.js';
import type { LayerObjective, StepStats } from './objective.js';
import type { PeerNormalization } from './peer.js';

/** Loss of one batch as a function of the goodness of its positive and negative rows (sample by sample the same place). */
export interface GoodnessLoss {
  readonly name: string;
  /**
   * The loss summed over the B samples. Writes dLoss/dGoodness of each row, [B] each.
   * Use exp, log, softplus and sigmoid of this package (`math`): the engine's own may differ from machine to machine.
   */
  evaluate(
    positive: Float32Array,
    negative: Float32Array,
    positiveGradient: Float64Array,
    negativeGradient: Float64Array,
  ): number;
}

/** Hinton's loss: softplus(α (θ - g)) for positive rows, softplus(α (g - θ)) for negative rows. */
export function hintonLoss(threshold: number, steepness: number): GoodnessLoss {
  return {
    name: 'goodness',
    evaluate(positive, negative, positiveGradient, negativeGradient) {
      let loss = 0;
      for (let b = 0; b < positive.length; b++) {
        const p = steepness * (threshold - (positive[b] as number));
        const n = steepness * ((negative[b] as number) - threshold);
        loss += softplus(p) + softplus(n);
        positiveGradient[b] = -steepness * sigmoid(p);
        negativeGradient[b] = steepness * sigmoid(n);
      }
      return loss;
    },
  };
}

/** SymBa's margin loss (Lee & Song, "SymBa", 2023): softplus(-α (g positive - g negative)) for each pair. */
export function symbaLoss(steepness: number): GoodnessLoss {
  return {
    name: 'symba',
    evaluate(positive, negative, positiveGradient, negativeGradient) {
      let loss = 0;
      for (let b = 0; b < positive.length; b++) {
        const gap = -steepness * ((positive[b] as number) - (negative[b] as number));
        loss += softplus(gap);
        const slope = steepness * sigmoid(gap);
        positiveGradient[b] = -slope;
        negativeGradient[b] = slope;
      }
      return loss;
    },
  };
}

/** Goodness of a row of O activations from their sum of squares. */
export function goodnessOf(kind: RunSpec['goodness'], sumSquares: number, outputs: number): number {
  return kind === 'mean' ? sumSquares / outputs : sumSquares;
}

/** Trains a layer on a loss of its rows' goodness. */
export class GoodnessObjective implements LayerObjective {
  readonly variants = 2;
  readonly #loss: GoodnessLoss;
  readonly #goodness: RunSpec['goodness'];
  readonly #peers: PeerNormalization | undefined;

  constructor(loss: GoodnessLoss, goodness: RunSpec['goodness'], peers?: PeerNormalization) {
    this.#loss = loss;
    this.#goodness = goodness;
    this.#peers = peers;
  }

  get name(): string {
    return this.#loss.name;
  }

  step(
    kernels: readonly DenseKernel[],
    input: LayerInput,
    labels: Uint8Array,
    layerRule: UpdateRule,
    _headRule: UpdateRule,
    dropout?: OutputDropout,
  ): StepStats {
    const layer = kernels[0] as DenseKernel;
    const samples = labels.length;
    const rows = input.batch * input.variants;
    const goodness = new Float32Array(rows);
    layer.forward(input, dropout ? undefined : goodness);
    dropout?.apply(layer, rows, goodness);
    for (let r = 0; r < rows; r++) goodness[r] = goodnessOf(this.#goodness, goodness[r] as number, layer.outputs);
    const positive = goodness.subarray(0, samples);
    const negative = goodness.subarray(samples);
    const gradient = new Float64Array(rows);
    let loss = this.#loss.evaluate(positive, negative, gradient.subarray(0, samples), gradient.subarray(samples));

    // Goodness is the sum (or mean) of y², so the loss by y is dLoss/dGoodness · 2 y (/ O); the batch's loss is the mean.
    const scale = dropout?.scale ?? 1;
    const factor = (2 * scale) / samples / (this.#goodness === 'mean' ? layer.outputs : 1);
    const rowScale = new Float32Array(rows);
    for (let r = 0; r < rows; r++) rowScale[r] = (gradient[r] as number) * factor;
    if (this.#peers) {
      const activations = layer.activations();
      const peers = this.#peers.step(activations, samples, layer.outputs);
      loss += peers.penalty * samples;
      const pull = peers.gradient.map((each) => (each * scale) / samples);
      layer.update({ values: pulled(activations, rowScale, pull, samples) }, layerRule);
    } else {
      layer.update({ rowScale }, layerRule);
    }

    const stats = { samples, loss, positiveGoodness: 0, negativeGoodness: 0, correct: 0 };
    for (let b = 0; b < samples; b++) {
      const p = positive[b] as number;
      const n = negative[b] as number;
      stats.positiveGoodness += p;
      stats.negativeGoodness += n;
      if (p > n) stats.correct++;
    }
    return stats;
  }
}

/** rowScale[r] · y[r, o], and in the first `samples` rows + pull[o]: the gradient by each activation, [R, O]. */
function pulled(activations: Float32Array, rowScale: Float32Array, pull: Float64Array, samples: number): Float32Array {
  const outputs = pull.length;
  const values = new Float32Array(activations.length);
  for (let r = 0, at = 0; r < rowScale.length; r++) {
    const scale = rowScale[r] as number;
    const positive = r < samples;
    for (let o = 0; o < outputs; o++, at++)
      values[at] = scale * (activations[at] as number) + (positive ? (pull[o] as number) : 0);
  }
  return values;
}
