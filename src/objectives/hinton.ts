/**
 * `goodness`: Hinton's loss ("The Forward-Forward Algorithm", 2022), softplus(α (θ - g)) for positive rows and
 * softplus(α (g - θ)) for negative rows.
 */
import { sigmoid, softplus } from '../math.js';
import type { GoodnessLoss } from './goodness-training.js';
import type { ObjectiveSettings } from './objective.js';
import { onGoodness } from './on-goodness.js';

export const hinton = onGoodness({
  name: 'goodness',
  loss: hintonLoss,
  describe: ({ threshold, steepness }, goodness) => ({ kind: 'hinton', goodness, threshold, steepness }),
});

export function hintonLoss({ threshold, steepness }: Pick<ObjectiveSettings, 'threshold' | 'steepness'>): GoodnessLoss {
  return {
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
