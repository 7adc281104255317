/**
 * `performance-optimized`: the paper's Performance-Optimized PFF ("new goodness"). Each layer has a softmax head of its own;
 * both learn from its cross-entropy, by backpropagation through those two only. No negative samples.
 */
import { headPart, layerPart } from './head-parts.js';
import { localHead, LocalHeadTraining } from './local-head-training.js';
import type { Objective } from './objective.js';

export const performanceOptimized: Objective = {
  name: 'performance-optimized',
  variants: 1,
  trains: 'layer',
  rates: {
    adam: { learningRate: 0.03, headLearningRate: 0.001, weightDecay: 0 },
    sgd: { learningRate: 1, headLearningRate: 0.1, weightDecay: 0 },
  },
  classifiers: ['all-heads', 'last-head'],
  unitLength: true,
  headScores: 'log-probabilities',
  parts: (settings, place) => [layerPart(settings, place, 1), headPart(place)],
  begin: (settings) => new LocalHeadTraining(settings),
  describe: localHead,
};
