/** Accuracy of a network on held-out samples, while it is trained. */
import type { Evaluation } from '../model/predictor.js';

/** What accuracy was measured at the end of a chapter. */
export interface Measured extends Pick<Evaluation, 'samples' | 'accuracy' | 'layerAccuracy'> {
  readonly chapter: number;
  readonly on: 'validation' | 'test';
  /** Mean over the classes of the share that is predicted right, and of F1. */
  readonly balancedAccuracy: number;
  readonly macroF1: number;
  /** With early stopping: the best chapter so far. */
  readonly best?: number | undefined;
}
