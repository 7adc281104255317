/**
 * `backprop-heads`: backpropagation with a softmax head at every layer, their losses added up: the honest match to layer-local
 * training.
 */
import { PffError } from '../errors.js';
import { backprop } from './backprop.js';
import { headPart, heStart, layerPart } from './head-parts.js';
import type { Objective } from './objective.js';

export const backpropHeads: Objective = {
  ...backprop,
  name: 'backprop-heads',
  classifiers: ['all-heads', 'last-head'],
  parts: (settings, place) => [layerPart(settings, place, heStart(place, 1)), headPart(place)],
  begin() {
    throw new PffError('usage', 'objective backprop-heads does not train layer by layer');
  },
};
