/**
 * Training on goodness: a layer learns to have high goodness for positive and low goodness for negative samples (Hinton, "The
 * Forward-Forward Algorithm", 2022). How the loss follows from goodness is a `GoodnessLoss`; how goodness follows from
 * activations, and gradients from the loss, is here.
 */
import type { LayerKernel } from '../kernels/kernels.js';
import type { StepStats } from '../kernels/trainer.js';
import { goodnessOf, ownGoodness, ownGoodnessOf, type OwnGoodness } from './goodness.js';
import type { LayerObjective, ObjectiveStep } from './objective.js';
import type { PeerNormalization } from './peer.js';

/** Loss of one batch as a function of the goodness of its positive and negative rows (sample by sample the same place). */
export interface GoodnessLoss {
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

/** Trains a layer on a loss of its rows' goodness. */
export class GoodnessTraining implements LayerObjective {
  readonly #loss: GoodnessLoss;
  readonly #goodness: string;
  readonly #peers: PeerNormalization | undefined;

  constructor(loss: GoodnessLoss, goodness: string, peers?: PeerNormalization) {
    this.#loss = loss;
    this.#goodness = goodness;
    this.#peers = peers;
  }

  async step({ kernels, input, labels, layerRule, dropout }: ObjectiveStep): Promise<StepStats> {
    const layer = kernels[0] as LayerKernel;
    const samples = labels.length;
    const rows = input.batch * input.variants;
    const goodness = new Float32Array(rows);
    await layer.forward(input, dropout ? undefined : goodness);
    await dropout?.apply(layer, rows, goodness);
    const own = ownGoodness(this.#goodness);
    if (own) ownGoodnessOf(own, await layer.activations(), layer.outputs, goodness);
    else for (let r = 0; r < rows; r++) goodness[r] = goodnessOf(this.#goodness, goodness[r] as number, layer.outputs);
    const positive = goodness.subarray(0, samples);
    const negative = goodness.subarray(samples);
    const gradient = new Float64Array(rows);
    let loss = this.#loss.evaluate(positive, negative, gradient.subarray(0, samples), gradient.subarray(samples));

    // Goodness is the sum (or mean) of y², so the loss by y is dLoss/dGoodness · 2 y (/ O); the batch's loss is the mean.
    const scale = dropout?.scale ?? 1;
    const factor = own ? scale / samples : (2 * scale) / samples / (this.#goodness === 'sum' ? 1 : layer.outputs);
    const rowScale = new Float32Array(rows);
    for (let r = 0; r < rows; r++) rowScale[r] = (gradient[r] as number) * factor;
    if (own || this.#peers) {
      const activations = await layer.activations();
      const peers = this.#peers?.step(activations, samples, layer.outputs);
      if (peers) loss += peers.penalty * samples;
      const pull = peers?.gradient.map((each) => (each * scale) / samples);
      const slopes = own ? ownSlopes(own, activations, layer.outputs) : activations;
      await layer.update({ values: combined(slopes, rowScale, layer.outputs, pull, samples) }, layerRule);
    } else {
      await layer.update({ rowScale }, layerRule);
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

/** Gradients of a goodness of one's own by each activation, [R, O]. */
function ownSlopes(own: OwnGoodness, activations: Float32Array, outputs: number): Float32Array {
  const slopes = new Float32Array(activations.length);
  for (let at = 0; at < activations.length; at += outputs)
    own.gradient(activations.subarray(at, at + outputs), slopes.subarray(at, at + outputs));
  return slopes;
}

/** rowScale[r] · slopes[r, o], and in the first `samples` rows + pull[o]: the gradient by each activation, [R, O]. */
function combined(
  slopes: Float32Array,
  rowScale: Float32Array,
  outputs: number,
  pull: Float64Array | undefined,
  samples: number,
): Float32Array {
  const values = new Float32Array(slopes.length);
  for (let r = 0, at = 0; r < rowScale.length; r++) {
    const scale = rowScale[r] as number;
    const added = r < samples ? pull : undefined;
    for (let o = 0; o < outputs; o++, at++)
      values[at] = scale * (slopes[at] as number) + (added === undefined ? 0 : (added[o] as number));
  }
  return values;
}
