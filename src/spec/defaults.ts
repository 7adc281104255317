/** What a spec's fields are unless somebody says otherwise. */
import type { RunSpec } from './fields.js';

/** Common defaults; presets and users' fields go over them. */
export const common: Omit<
  RunSpec,
  'objective' | 'negatives' | 'classifier' | 'learningRate' | 'headLearningRate' | 'splits' | 'weightDecay'
> = {
  dataset: 'mnist',
  trainSamples: 0,
  testSamples: 0,
  validationSamples: 0,
  labelMode: 'overlay',
  shift: 0,
  flip: false,
  affine: 0,
  elastic: 0,
  augmentPer: 'chapter',
  subtractMean: false,
  layers: [784, 1000, 1000, 1000],
  goodness: 'mean',
  threshold: 1,
  steepness: 20,
  peerNormalization: 0,
  dropout: 0,
  negativeTemperature: 0.05,
  labelLag: 1,
  epochs: 10,
  batch: 64,
  optimizer: 'adam',
  cooldownAfter: 0.5,
  schedule: 'cooldown',
  momentum: 0.9,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  precision: 'f32',
  wire: 'f32',
  initScale: 1,
  seed: 1,
  shards: 1,
  skew: 0,
};
