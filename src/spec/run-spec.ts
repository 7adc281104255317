/** The fields of a run spec as editors show them; ./fields.ts has what each allows, with the same texts. A test compares the two. */
import type { Precision } from '../kernels/numerics.js';
import type { LayerSize } from '../layers/sizes.js';

/** A complete run spec. Options of the command line are named alike: `--label-mode` is `labelMode`. */
export interface RunSpec {
  /**
   * mnist, fashion-mnist, cifar10, idx (your own IDX files, with --data-dir), or own (data of your own, with --data)
   */
  dataset: string;
  /**
   * how many training samples to use; 0 for all. They are the first ones, or of own data the same share of each class,
   * drawn by --split-seed
   */
  trainSamples: number;
  /** how many test samples to use; 0 for all. Which ones: as with trainSamples */
  testSamples: number;
  /**
   * keep this many of the last training samples aside and report accuracy on them instead of on the test set; own data:
   * --validation instead
   */
  validationSamples: number;
  /**
   * own data: the column with the classes, by its name or its place from 1; empty for one that is called label,
   * class, target or the like, else the last
   */
  labelColumn: string;
  /** own data: names of columns to leave out, separated by commas */
  ignoreColumns: string;
  /** own data with empty cells: refuse them, drop the rows, or fill in the mean of the training rows */
  missing: 'refuse' | 'drop' | 'fill';
  /** own data: share of the samples of each class that is set aside for testing, where the data have no test part */
  testShare: number;
  /** own data: share of the samples of each class that is set aside to follow the training by; 0 for none */
  validationShare: number;
  /** own data: seed of which samples are set aside, and of which --train-samples draws */
  splitSeed: number;
  /** own images: scale them to WIDTHxHEIGHT, with x1 or x3 for grey or colour; empty: all must have one size */
  imageSize: string;
  /**
   * write the label over the first values of the image, or add it as extra inputs, or add a pattern for it to the whole
   * image (convolutions)
   */
  labelMode: 'overlay' | 'append' | 'pattern';
  /** in each chapter, move each training image by up to this many pixels in x and in y; 0 for not at all */
  shift: number;
  /** in each chapter, mirror a random half of the training images left to right */
  flip: boolean;
  /**
   * in each chapter, turn, scale and shear each training image by a matrix whose entries are up to this far from the
   * identity, such as 0.15; 0 for not at all
   */
  affine: number;
  /**
   * in each chapter, distort each training image elastically: corners of a 4 x 4 grid move by up to this many pixels
   * in x and in y; 0 for not at all
   */
  elastic: number;
  /** in each chapter, cut a square of so many pixels a side out of each training image, anywhere; 0 for none */
  cutout: number;
  /** what comes in where images are moved, deformed or cut: black, or the mean of the image, which --subtract-mean makes 0 */
  fill: 'black' | 'mean';
  /**
   * chapter: all layers see the same moved and deformed images in a chapter; layer: each sees others, so its inputs
   * do not come from images that the layers below have just fitted
   */
  augmentPer: 'chapter' | 'layer';
  /** take each image's mean off its values, so that brightness counts for nothing (photographs) */
  subtractMean: boolean;
  /**
   * sizes: values per image, then the units of each layer, such as 784,500,500; or the shape of an image and
   * convolutions, such as 3x32x32,conv64+bn+max2,conv128+bn+max2,512
   */
  layers: LayerSize[];
  /**
   * what each layer learns: goodness, symba, performance-optimized, mono-forward, pred, sim, predsim, cwc,
   * deeper-forward; or a baseline: backprop, backprop-heads
   */
  objective: string;
  /** goodness is the mean or the sum of a row's squared activations, or of a plugin */
  goodness: string;
  /** θ: goodness that separates positive from negative samples */
  threshold: number;
  /** α: slope of the logistic loss, softplus(α (θ - goodness)) */
  steepness: number;
  /** λ: pulls each unit's mean activity towards that of its layer (peer normalisation; unlike Hinton's, it revives no unit that is always off); 0 for none */
  peerNormalization: number;
  /** ε: losses with a softmax take 1 - ε of a sample for its label and spread ε over all classes (label smoothing); 0 for none */
  labelSmoothing: number;
  /** share of activations left out in each training step, of those that enter and that leave a layer */
  dropout: number;
  /** what --dropout leaves out: single values, or of convolutions whole channels */
  dropoutOf: 'values' | 'channels';
  /**
   * FixedNEG, RandomNEG, AdaptiveNEG (strongest wrong label by goodness), or sampled in proportion to exp(goodness
   * of layer 1 / temperature); none for objectives without negatives
   */
  negatives: string;
  /** temperature of --negatives sampled */
  negativeTemperature: number;
  /**
   * adaptive and sampled: labels of chapter c come from the layers of chapter c - lag, and those of the first lag
   * chapters are drawn at random; unless given, adaptive takes the number of nodes, so that no node waits
   */
  labelLag: number;
  /** how to predict: goodness, softmax; objectives without negatives: last-head or all-heads */
  classifier: 'goodness' | 'softmax' | 'last-head' | 'all-heads';
  /**
   * E: passes over the training data; with shards, of which a chapter takes one, each sample is seen E / shards
   * times
   */
  epochs: number;
  /** S: chapters that training is cut into */
  splits: number;
  /**
   * epochs after which a new phase of training begins, such as 10 or 10,15: learning rates go through their schedule
   * once in each phase; none for one phase
   */
  phases: number[];
  /** samples in a batch (each positive and negative) */
  batch: number;
  /**
   * stop when accuracy on the validation samples has not risen for so many chapters, and keep the layers of the best
   * one; 0 for never
   */
  earlyStop: number;
  /** adam, or sgd: gradient descent with momentum */
  optimizer: 'adam' | 'sgd';
  /** the optimizer's rate for the layers */
  learningRate: number;
  /** the optimizer's rate for softmax heads */
  headLearningRate: number;
  /** share of training after which rates fall linearly to 0; 1 for never */
  cooldownAfter: number;
  /**
   * how learning rates change over training: cooldown; constant; step (a tenth from half of it on, a hundredth from
   * three quarters); cosine; or one of a plugin
   */
  schedule: string;
  /** share of training over which rates first rise linearly from 0; 0 for none */
  warmup: number;
  /** decoupled weight decay; each step scales weights by 1 - rate · decay */
  weightDecay: number;
  /** sgd's momentum */
  momentum: number;
  /** Adam's β1 */
  beta1: number;
  /** Adam's β2 */
  beta2: number;
  /** Adam's ε */
  epsilon: number;
  /**
   * bf16 rounds inputs, weights and deltas for the products; sums stay f32. bf16-tile adds them in the order of AMX:
   * fastest where a CPU has it
   */
  precision: Precision;
  /** how layer states travel; bf16 rounds each published state, weights and moments, which halves its bytes */
  wire: 'f32' | 'bf16';
  /** scale of the initial weights, but not of those before a normalisation; at 1 goodness starts at θ */
  initScale: number;
  /** model digest of the parameters that training begins with; empty for keyed random ones */
  init: string;
  /**
   * layers (from 1 on) that are not trained: they pass on data as they begin, such as 1 or 1,2; none for all trained
   */
  freeze: number[];
  /** seed of everything random */
  seed: number;
  /**
   * chapter c trains on shard c mod shards only; federated: as many as nodes, and at least as many chapters. Where
   * splits is no multiple of shards, the first shards train one chapter more
   */
  shards: number;
  /** label skew of the shards: the concentration of a Dirichlet distribution; 0 for equal shards */
  skew: number;
}

/** What users write: any part of a spec. */
export type PartialSpec = { [K in keyof RunSpec]?: RunSpec[K] | undefined };
