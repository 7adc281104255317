/** `symba`: the margin loss of Lee & Song ("SymBa", 2023), softplus(-α (g positive - g negative)) for each pair. */
import { sigmoid, softplus } from '../math.js';
import type { GoodnessLoss } from './goodness-training.js';
import type { ObjectiveSettings } from './objective.js';
import { onGoodness } from './on-goodness.js';

export const symba = onGoodness({
  name: 'symba',
  loss: symbaLoss,
  describe: ({ steepness }, goodness) => ({ kind: 'symba', goodness, steepness }),
});

export function symbaLoss({ steepness }: Pick<ObjectiveSettings, 'steepness'>): GoodnessLoss {
  return {
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
