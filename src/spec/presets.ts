/** Named run specs. `default` is what `pff train` does with no argument; how each was chosen is in docs/LOG.md. */
import type { PartialSpec } from './spec.js';

export interface Preset {
  readonly summary: string;
  readonly spec: PartialSpec;
}

/** What the best recipes have in common; chosen in trials on held-out training images (docs/LOG.md). */
const withHeads = {
  objective: 'performance-optimized',
  classifier: 'all-heads',
  headLearningRate: 0.001,
} as const satisfies PartialSpec;

/** The same of the recipes with several convolutions a layer. */
const withBlocks = {
  objective: 'pred',
  schedule: 'cosine',
  warmup: 0.1,
  precision: 'bf16-tile',
} as const satisfies PartialSpec;

const blocksOnCifar10 = {
  ...withBlocks,
  dataset: 'cifar10',
  layers: [
    '3x32x32',
    'conv32+bn+conv64+bn+max2+conv128+bn+max2+conv256+bn',
    'conv256+bn+max2+conv256+bn+conv256+bn+max4',
  ],
  epochs: 40,
  batch: 64,
  weightDecay: 0.05,
  labelSmoothing: 0.1,
  shift: 4,
  flip: true,
  cutout: 8,
  fill: 'mean',
  subtractMean: true,
  augmentPer: 'layer',
  dropout: 0.1,
  dropoutOf: 'channels',
} as const satisfies PartialSpec;

/** Specs by the names that `--preset` knows, each with a summary. */
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
  'best-mnist': {
    summary: 'layers with heads of their own, each on images deformed again for it, 60 epochs (half an hour)',
    spec: {
      ...withHeads,
      dataset: 'mnist',
      layers: [784, 2000, 2000, 2000],
      epochs: 60,
      learningRate: 0.01,
      shift: 1,
      affine: 0.15,
      elastic: 2,
      augmentPer: 'layer',
    },
  },
  'conv-mnist': {
    summary:
      'two blocks of two convolutions with softmax heads of their own, each on images shifted and turned again for it, 12 epochs (ten minutes)',
    spec: {
      ...withBlocks,
      dataset: 'mnist',
      layers: ['1x28x28', 'conv32+bn+conv48+bn+max2', 'conv96+bn+conv96+bn+max2'],
      epochs: 12,
      batch: 128,
      shift: 2,
      affine: 0.1,
      augmentPer: 'layer',
    },
  },
  'best-fashion-mnist': {
    summary:
      'two blocks of two convolutions with softmax heads of their own, each on images shifted and mirrored again for it, 12 epochs (half an hour)',
    spec: {
      ...withBlocks,
      dataset: 'fashion-mnist',
      layers: ['1x28x28', 'conv32+bn+max2+conv96+bn+max2', 'conv192+bn+conv192+bn+max2'],
      epochs: 12,
      batch: 128,
      learningRate: 0.003,
      headLearningRate: 0.003,
      shift: 2,
      flip: true,
      augmentPer: 'layer',
    },
  },
  'conv-cifar10': {
    summary:
      'two blocks of four and three convolutions with softmax heads of their own, each on images shifted, mirrored and cut again for it, with smoothed labels, 40 epochs (an hour or so)',
    spec: blocksOnCifar10,
  },
  'best-cifar10': {
    summary: 'the best that we have: conv-cifar10',
    spec: blocksOnCifar10,
  },
  'mlp-cifar10': {
    summary:
      'layers with heads of their own on shifted and mirrored images without their means, with dropout, 60 epochs (half an hour)',
    spec: {
      ...withHeads,
      dataset: 'cifar10',
      layers: [3072, 2000, 2000, 2000],
      epochs: 60,
      learningRate: 0.01,
      subtractMean: true,
      shift: 2,
      flip: true,
      dropout: 0.2,
    },
  },
};
