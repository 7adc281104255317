/** Named run specs. `default` is what `pff train` does with no argument; how each was chosen is in docs/LOG.md. */
import type { PartialSpec } from './spec.js';

export interface Preset {
  readonly summary: string;
  readonly spec: PartialSpec;
}

export const presets: Readonly<Record<string, Preset>> = {
  default: {
    summary: 'three layers of 1000 units on MNIST: about 98.5 % in about a minute on two cores',
    spec: {},
  },
  paper: {
    summary: 'the setting of the paper: 4 layers of 2000 units, 100 epochs, 100 splits, AdaptiveNEG, Goodness (hours)',
    spec: {
      layers: [784, 2000, 2000, 2000, 2000],
      epochs: 100,
      splits: 100,
      batch: 64,
      objective: 'goodness',
      negatives: 'adaptive',
      classifier: 'goodness',
      learningRate: 0.02,
      headLearningRate: 0.0001,
      cooldownAfter: 0.5,
    },
  },
};
