/**
 * `mono-forward` (Gong, Li & Abdulla, "Mono-Forward", 2025): each layer learns from a projection matrix without bias, whose
 * outputs are its goodness of the classes. Activations pass on as they are.
 */
import { headPart, heStart, layerPart } from './head-parts.js';
import { localHead, LocalHeadTraining } from './local-head-training.js';
import type { Objective } from './objective.js';

export const monoForward: Objective = {
  name: 'mono-forward',
  variants: 1,
  trains: 'layer',
  rates: {
    adam: { learningRate: 0.003, headLearningRate: 0.001, weightDecay: 0 },
    sgd: { learningRate: 1, headLearningRate: 0.1, weightDecay: 0 },
  },
  classifiers: ['all-heads', 'last-head'],
  unitLength: false,
  headScores: 'outputs',
  parts: (settings, place) => {
    const { outputs } = place.geometry;
    // Rows begin with about unit length in all layers.
    const layer = layerPart(settings, place, heStart(place, 1 / outputs));
    return [layer, headPart(place, { initialDeviation: settings.initScale / Math.sqrt(outputs), withoutBias: true })];
  },
  begin: (settings) => new LocalHeadTraining(settings),
  describe: localHead,
};
