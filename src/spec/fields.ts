/** The fields of a run spec: their schema, and the text that help and flags show for each. */
import { z } from 'zod';
import { negatives } from '../data/negatives-table.js';
import { precisions } from '../kernels/numerics.js';
import { layersSchema } from '../layers/sizes.js';
import { goodnesses } from '../objectives/goodness.js';
import { objectives } from '../objectives/table.js';
import { rateSchedules } from './rate-schedules.js';
import type { RunSpec } from './run-spec.js';

/** One of our `names`, or one that is registered; which of the latter there are is only known when a spec is resolved. */
function named(names: readonly string[], text: string): z.ZodType<string> {
  return z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/)
    .meta({ description: text, enum: [...names] });
}

const count = z.int().positive();
/** Whole numbers, each larger than the one before. */
const ascending = z
  .array(count)
  .max(1000)
  .refine((all) => all.every((each, i) => i === 0 || each > (all[i - 1] as number)), 'must be from small to large');
const label = (text: string) => ({ description: text });

/** Each field's description is the text of its flag in `pff train --help`. */
const shape = {
  dataset: z
    .string()
    .min(1)
    .meta(
      label(
        'mnist, fashion-mnist, cifar10, idx (your own IDX files, with --data-dir), or own (data of your own, with --data)',
      ),
    ),
  trainSamples: z
    .int()
    .nonnegative()
    .meta(
      label(
        'how many training samples to use; 0 for all. They are the first ones, or of own data the same share of each class, drawn by --split-seed',
      ),
    ),
  testSamples: z
    .int()
    .nonnegative()
    .meta(label('how many test samples to use; 0 for all. Which ones: as with trainSamples')),
  validationSamples: z
    .int()
    .nonnegative()
    .meta(
      label(
        'keep this many of the last training samples aside and report accuracy on them instead of on the test set; own data: --validation instead',
      ),
    ),
  labelColumn: z
    .string()
    .max(1000)
    .meta(
      label(
        'own data: the column with the classes, by its name or its place from 1; empty for one that is called label, class, target or the like, else the last',
      ),
    ),
  ignoreColumns: z.string().max(100_000).meta(label('own data: names of columns to leave out, separated by commas')),
  missing: z
    .enum(['refuse', 'drop', 'fill'])
    .meta(label('own data with empty cells: refuse them, drop the rows, or fill in the mean of the training rows')),
  testShare: z
    .number()
    .min(0)
    .max(0.9)
    .meta(
      label(
        'own data: share of the samples of each class that is set aside for testing, where the data have no test part',
      ),
    ),
  validationShare: z
    .number()
    .min(0)
    .max(0.9)
    .meta(
      label('own data: share of the samples of each class that is set aside to follow the training by; 0 for none'),
    ),
  splitSeed: z
    .int()
    .min(0)
    .max(4294967295)
    .meta(label('own data: seed of which samples are set aside, and of which --train-samples draws')),
  imageSize: z
    .string()
    .regex(/^([1-9]\d{0,3}x[1-9]\d{0,3}(x[13])?)?$/)
    .meta(
      label('own images: scale them to WIDTHxHEIGHT, with x1 or x3 for grey or colour; empty: all must have one size'),
    ),
  labelMode: z
    .enum(['overlay', 'append', 'pattern'])
    .meta(
      label(
        'write the label over the first values of the image, or add it as extra inputs, or add a pattern for it to the whole image (convolutions)',
      ),
    ),
  shift: z
    .int()
    .min(0)
    .max(64)
    .meta(label('in each chapter, move each training image by up to this many pixels in x and in y; 0 for not at all')),
  flip: z.boolean().meta(label('in each chapter, mirror a random half of the training images left to right')),
  affine: z
    .number()
    .min(0)
    .max(0.5)
    .meta(
      label(
        'in each chapter, turn, scale and shear each training image by a matrix whose entries are up to this far from the identity, such as 0.15; 0 for not at all',
      ),
    ),
  elastic: z
    .number()
    .min(0)
    .max(64)
    .meta(
      label(
        'in each chapter, distort each training image elastically: corners of a 4 x 4 grid move by up to this many pixels in x and in y; 0 for not at all',
      ),
    ),
  cutout: z
    .int()
    .min(0)
    .max(1024)
    .meta(
      label('in each chapter, cut a square of so many pixels a side out of each training image, anywhere; 0 for none'),
    ),
  fill: z
    .enum(['black', 'mean'])
    .meta(
      label(
        'what comes in where images are moved, deformed or cut: black, or the mean of the image, which --subtract-mean makes 0',
      ),
    ),
  augmentPer: z
    .enum(['chapter', 'layer'])
    .meta(
      label(
        'chapter: all layers see the same moved and deformed images in a chapter; layer: each sees others, so its inputs do not come from images that the layers below have just fitted',
      ),
    ),
  subtractMean: z
    .boolean()
    .meta(label("take each image's mean off its values, so that brightness counts for nothing (photographs)")),

  layers: layersSchema.meta(
    label(
      'sizes: values per image, then the units of each layer, such as 784,500,500; or the shape of an image and convolutions, such as 3x32x32,conv64+bn+max2,conv128+bn+max2,512',
    ),
  ),
  objective: named(
    objectives.ourNames,
    'what each layer learns: goodness, symba, performance-optimized, mono-forward, pred, sim, predsim, cwc, deeper-forward; or a baseline: backprop, backprop-heads',
  ),
  goodness: named(
    goodnesses.ourNames,
    "goodness is the mean or the sum of a row's squared activations, or of a plugin",
  ),
  threshold: z.number().positive().meta(label('θ: goodness that separates positive from negative samples')),
  steepness: z.number().positive().meta(label('α: slope of the logistic loss, softplus(α (θ - goodness))')),
  peerNormalization: z
    .number()
    .min(0)
    .meta(
      label(
        "λ: pulls each unit's mean activity towards that of its layer (peer normalisation; unlike Hinton's, it revives no unit that is always off); 0 for none",
      ),
    ),
  labelSmoothing: z
    .number()
    .min(0)
    .max(0.9)
    .meta(
      label(
        'ε: losses with a softmax take 1 - ε of a sample for its label and spread ε over all classes (label smoothing); 0 for none',
      ),
    ),
  dropout: z
    .number()
    .min(0)
    .max(0.9)
    .meta(label('share of activations left out in each training step, of those that enter and that leave a layer')),
  dropoutOf: z
    .enum(['values', 'channels'])
    .meta(label('what --dropout leaves out: single values, or of convolutions whole channels')),
  negatives: named(
    negatives.ourNames,
    'FixedNEG, RandomNEG, AdaptiveNEG (strongest wrong label by goodness), or sampled in proportion to exp(goodness of layer 1 / temperature); none for objectives without negatives',
  ),
  negativeTemperature: z.number().positive().meta(label('temperature of --negatives sampled')),
  labelLag: count.meta(
    label(
      'adaptive and sampled: labels of chapter c come from the layers of chapter c - lag, and those of the first lag chapters are drawn at random; unless given, adaptive takes the number of nodes, so that no node waits',
    ),
  ),
  classifier: z
    .enum(['goodness', 'softmax', 'last-head', 'all-heads'])
    .meta(label('how to predict: goodness, softmax; objectives without negatives: last-head or all-heads')),

  epochs: count.meta(
    label(
      'E: passes over the training data; with shards, of which a chapter takes one, each sample is seen E / shards times',
    ),
  ),
  splits: count.meta(label('S: chapters that training is cut into')),
  phases: ascending.meta(
    label(
      'epochs after which a new phase of training begins, such as 10 or 10,15: learning rates go through their schedule once in each phase; none for one phase',
    ),
  ),
  batch: count.meta(label('samples in a batch (each positive and negative)')),
  earlyStop: z
    .int()
    .min(0)
    .meta(
      label(
        'stop when accuracy on the validation samples has not risen for so many chapters, and keep the layers of the best one; 0 for never',
      ),
    ),
  optimizer: z.enum(['adam', 'sgd']).meta(label('adam, or sgd: gradient descent with momentum')),
  learningRate: z.number().positive().meta(label("the optimizer's rate for the layers")),
  headLearningRate: z.number().positive().meta(label("the optimizer's rate for softmax heads")),
  cooldownAfter: z
    .number()
    .min(0)
    .max(1)
    .meta(label('share of training after which rates fall linearly to 0; 1 for never')),
  schedule: named(
    rateSchedules.ourNames,
    'how learning rates change over training: cooldown; constant; step (a tenth from half of it on, a hundredth from three quarters); cosine; or one of a plugin',
  ),
  warmup: z
    .number()
    .min(0)
    .max(0.9)
    .meta(label('share of training over which rates first rise linearly from 0; 0 for none')),
  weightDecay: z.number().min(0).meta(label('decoupled weight decay; each step scales weights by 1 - rate · decay')),
  momentum: z.number().min(0).lt(1).meta(label("sgd's momentum")),
  beta1: z.number().min(0).lt(1).meta(label("Adam's β1")),
  beta2: z.number().min(0).lt(1).meta(label("Adam's β2")),
  epsilon: z.number().positive().meta(label("Adam's ε")),
  precision: z
    .enum(precisions)
    .meta(
      label(
        'bf16 rounds inputs, weights and deltas for the products; sums stay f32. bf16-tile adds them in the order of AMX: fastest where a CPU has it',
      ),
    ),
  wire: z
    .enum(['f32', 'bf16'])
    .meta(
      label('how layer states travel; bf16 rounds each published state, weights and moments, which halves its bytes'),
    ),
  initScale: z
    .number()
    .positive()
    .meta(label('scale of the initial weights, but not of those before a normalisation; at 1 goodness starts at θ')),
  init: z
    .string()
    .regex(/^([0-9a-f]{64})?$/)
    .meta(label('model digest of the parameters that training begins with; empty for keyed random ones')),
  freeze: ascending.meta(
    label(
      'layers (from 1 on) that are not trained: they pass on data as they begin, such as 1 or 1,2; none for all trained',
    ),
  ),
  seed: z.int().min(0).max(4294967295).meta(label('seed of everything random')),

  shards: count.meta(
    label(
      'chapter c trains on shard c mod shards only; federated: as many as nodes, and at least as many chapters. Where splits is no multiple of shards, the first shards train one chapter more',
    ),
  ),
  skew: z
    .number()
    .min(0)
    .meta(label('label skew of the shards: the concentration of a Dirichlet distribution; 0 for equal shards')),
};

export const runSpecSchema = z.strictObject(shape);

export type { PartialSpec, RunSpec } from './run-spec.js';
export type SpecField = keyof RunSpec;

export const partialSpecSchema = runSpecSchema.partial();

/** For building flags: each field with its schema and text. */
export const specFields: { readonly [K in SpecField]: z.ZodType<RunSpec[K]> } = shape;
