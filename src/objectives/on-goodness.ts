/** Makes an objective of a loss of goodness: what all objectives with positive and negative samples have in common. */
import type { LossDescription } from '../kernels/trainer.js';
import { GoodnessTraining, type GoodnessLoss } from './goodness-training.js';
import type { LayerPlace, Objective, ObjectiveSettings } from './objective.js';
import { PeerNormalization } from './peer.js';

export interface LossOfGoodness {
  readonly name: string;
  /** The loss, made once for each task. */
  readonly loss: (settings: ObjectiveSettings) => GoodnessLoss;
  /** The same as data, where a backend may know it. */
  readonly describe?: (settings: ObjectiveSettings, goodness: 'mean' | 'sum') => LossDescription;
}

export function onGoodness({ name, loss, describe }: LossOfGoodness): Objective {
  return {
    name,
    variants: 2,
    trains: 'layer',
    rates: {
      adam: { learningRate: 0.025, headLearningRate: 0.001, weightDecay: 0.01 },
      sgd: { learningRate: 3, headLearningRate: 0.1, weightDecay: 0 },
    },
    classifiers: ['goodness', 'softmax'],
    unitLength: true,
    headScores: 'log-probabilities',
    parts: (settings, place) => [
      {
        role: 'layer',
        geometry: place.geometry,
        labelInputs: place.labelInputs,
        initialDeviation: settings.initScale * Math.sqrt(2 * goodnessAtStart(settings, place)),
      },
    ],
    begin(settings) {
      const { peerNormalization: strength, goodness } = settings;
      const peers = strength > 0 ? new PeerNormalization(strength, goodness) : undefined;
      return new GoodnessTraining(loss(settings), goodness, peers);
    },
    describe(settings) {
      const { goodness, peerNormalization } = settings;
      if (peerNormalization > 0 || (goodness !== 'mean' && goodness !== 'sum')) return undefined;
      return describe?.(settings, goodness);
    },
  };
}

/**
 * Rows enter a layer with unit length, so weights of N(0, σ²) give activations of mean square σ²/2: σ² = 2θ starts the mean
 * goodness at θ, σ² = 2θ/O the sum.
 */
function goodnessAtStart({ goodness, threshold }: ObjectiveSettings, { geometry }: LayerPlace): number {
  return goodness === 'sum' ? threshold / geometry.outputs : threshold;
}
