/**
 * Objectives that give each class a group of a layer's channels; no negative samples, no head to train. The score of a class is the
 * goodness of its group, the loss the cross-entropy of the scores' softmax.
 *
 * `cwc`: the mean of squares (Papachristodoulou et al., "Convolutional Channel-wise Competitive Learning for the Forward-Forward
 * Algorithm", arXiv 2312.12668, its CwC loss). `deeper-forward`: the mean ("DeeperForward", ICLR 2025); there activations pass on
 * normalised within their groups, which a block does here that ends in, or begins with, `gn` of as many groups.
 */
import { groupHeadOn } from '../layers/group-head.js';
import type { GroupShape } from '../kernels/group-goodness.js';
import { heStart, layerPart } from './head-parts.js';
import { LocalHeadTraining } from './local-head-training.js';
import type { Objective } from './objective.js';

export const cwc = onChannelGroups('cwc', 'squares');
export const deeperForward = onChannelGroups('deeper-forward', 'values');

function onChannelGroups(name: string, of: GroupShape['of']): Objective {
  return {
    name,
    variants: 1,
    trains: 'layer',
    rates: {
      adam: { learningRate: 0.003, headLearningRate: 0.001, weightDecay: 0 },
      sgd: { learningRate: 0.1, headLearningRate: 0.1, weightDecay: 0 },
    },
    classifiers: ['all-heads', 'last-head'],
    unitLength: false,
    headScores: 'log-probabilities',
    parts: (settings, place) => [
      layerPart(settings, place, heStart(place, 1)),
      {
        role: 'head',
        geometry: groupHeadOn(place.geometry, place.layer, place.classes, of),
        labelInputs: 0,
        initialDeviation: 0,
      },
    ],
    begin: (settings) => new LocalHeadTraining(settings),
    describe: () => undefined,
  };
}
