/** `backprop`: the baseline outside the pipeline, trained whole (node/baselines/backprop.ts), with one softmax head at the end. */
import { PffError } from '../errors.js';
import { headPart, heStart, layerPart } from './head-parts.js';
import type { Objective } from './objective.js';

export const backprop: Objective = {
  name: 'backprop',
  variants: 1,
  trains: 'network',
  rates: {
    adam: { learningRate: 0.001, headLearningRate: 0.001, weightDecay: 0 },
    sgd: { learningRate: 0.1, headLearningRate: 0.1, weightDecay: 0 },
  },
  classifiers: ['last-head'],
  unitLength: false,
  headScores: 'log-probabilities',
  parts: (settings, place) => [layerPart(settings, place, heStart(place, 1)), ...(place.last ? [headPart(place)] : [])],
  begin() {
    throw new PffError('usage', 'objective backprop does not train layer by layer');
  },
  describe: () => undefined,
};
