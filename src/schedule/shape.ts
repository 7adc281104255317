/** What the task graph of a run depends on, and nothing else of its spec. */
import { PffError } from '../errors.js';
import { type RunSpec, layerCount } from '../spec/spec.js';

/** Which layers predict the negative labels of a later chapter: none, the first only (sampled), or all (AdaptiveNEG). */
export type PredictedLabels = 'none' | 'first-layer' | 'all-layers';

export interface GraphShape {
  /** L: trained layers, 0 … L-1. */
  readonly layers: number;
  /** A softmax classifier head is trained as one more layer, index L. */
  readonly head: boolean;
  /** S: chapters. */
  readonly splits: number;
  readonly predictedLabels: PredictedLabels;
  /** Labels of chapter c come from the layers of chapter c - labelLag; before that they are drawn at random. */
  readonly labelLag: number;
  /** Each layer sees the data augmented again, so what a node holds for the layer below is of no use to it. */
  readonly ownInputs?: true;
}

/** The graph that a run spec asks for. */
export function graphShape(spec: RunSpec): GraphShape {
  return {
    layers: layerCount(spec),
    head: spec.classifier === 'softmax',
    splits: spec.splits,
    predictedLabels:
      spec.negatives === 'adaptive' ? 'all-layers' : spec.negatives === 'sampled' ? 'first-layer' : 'none',
    labelLag: spec.labelLag,
    ...(spec.augmentPer === 'layer' && { ownInputs: true }),
  };
}

/** L, and one more where there is a head: the layers that are trained in each chapter. */
export function trainedLayers(shape: GraphShape): number {
  return shape.layers + (shape.head ? 1 : 0);
}

/** @throws PffError `usage` where a count is not a positive whole number. */
export function checkCount(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new PffError('usage', `${name} must be a whole number of at least 1, but is ${value}`);
}

/** @throws PffError `usage` where the shape is none. */
export function checkShape(shape: GraphShape): void {
  checkCount('layers', shape.layers);
  checkCount('splits', shape.splits);
  checkCount('labelLag', shape.labelLag);
}
