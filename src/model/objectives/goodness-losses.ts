/** Losses of goodness: Hinton's, and SymBa's. */
import { sigmoid, softplus } from '../../math.js';

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
