/** What follows from a spec's fields. */
import { negatives } from '../data/negatives-table.js';
import { objectiveOf } from '../objectives/table.js';
import type { RunSpec } from './fields.js';

/** Objectives that train on positive and negative samples. */
export function usesNegatives(objective: RunSpec['objective']): boolean {
  return objectiveOf(objective).variants === 2;
}

/** Baselines outside the pipeline: gradients pass from layer to layer. */
export function isBackprop(objective: RunSpec['objective']): boolean {
  return objectiveOf(objective).trains === 'network';
}

/** Whether activations are scaled to unit length before the next layer; else they pass on as they are. */
export function passesUnitLength({ objective }: Pick<RunSpec, 'objective'>): boolean {
  return objectiveOf(objective).unitLength;
}

/** Whether training images are moved, mirrored, deformed or cut. */
export function augmentsImages(spec: Pick<RunSpec, 'shift' | 'flip' | 'affine' | 'elastic' | 'cutout'>): boolean {
  return spec.shift > 0 || spec.flip || spec.affine > 0 || spec.elastic > 0 || spec.cutout > 0;
}

/** Whether something comes in where parts of an image are moved away or cut out. */
export function leavesEmpty(spec: Pick<RunSpec, 'shift' | 'affine' | 'elastic' | 'cutout'>): boolean {
  return spec.shift > 0 || spec.affine > 0 || spec.elastic > 0 || spec.cutout > 0;
}

/** Negative labels that depend on the layers of an earlier chapter. */
export function usesPredictedLabels(name: RunSpec['negatives']): boolean {
  return negatives.find(name) === 'predicted';
}

/** Layers above the input. */
export function layerCount(spec: RunSpec): number {
  return spec.layers.length - 1;
}

/** What prediction needs of plugins: the goodness, and the objective where its heads predict or another classifier is asked for. */
export function predictingParts(
  { goodness, objective, classifier }: Pick<RunSpec, 'goodness' | 'objective' | 'classifier'>,
  asked = classifier,
): Partial<Pick<RunSpec, 'goodness' | 'objective'>> {
  return asked !== classifier || classifier === 'last-head' || classifier === 'all-heads'
    ? { goodness, objective }
    : { goodness };
}
