/**
 * The run spec: everything that fixes the final bits of a run (and nothing else), and how a partial one is filled in.
 * How a run is carried out (threads, folders, servers) is no part of it; see run/.
 */
import { z } from 'zod';
import { PffError } from '../errors.js';
import { negatives } from '../data/negatives-table.js';
import { precisions } from '../kernels/numerics.js';
import { describeLayers, geometries, imagePlanes, layersSchema, type LayerSize } from '../layers/sizes.js';
import { goodnesses } from '../objectives/goodness.js';
import { objectiveOf, objectives } from '../objectives/table.js';
import { OWN_KINDS, partTables, type OwnKind } from './own-parts.js';
import { rateSchedules } from './rate-schedules.js';
import { didYouMean } from '../suggest.js';
import type { PartialSpec, RunSpec } from './run-spec.js';

/** One of our `names`, or one that is registered; which of the latter there are is only known when a spec is resolved. */
function named(names: readonly string[], text: string): z.ZodType<string> {
  return z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/)
    .meta({ description: text, enum: [...names] });
}

const count = z.int().positive();
const label = (text: string) => ({ description: text });

/** Each field's description is the text of its flag in `pff train --help`. */
const shape = {
  dataset: z.string().min(1).meta(label('mnist, fashion-mnist, cifar10, or idx (your own IDX files, with --data-dir)')),
  trainSamples: z.int().nonnegative().meta(label('how many training samples to use, from the first on; 0 for all')),
  testSamples: z.int().nonnegative().meta(label('how many test samples to use; 0 for all')),
  validationSamples: z
    .int()
    .nonnegative()
    .meta(
      label('keep this many of the last training samples aside and report accuracy on them instead of on the test set'),
    ),
  labelMode: z
    .enum(['overlay', 'append'])
    .meta(label('write the label over the first values of the image, or add it as extra inputs')),
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
    'what each layer learns: goodness, symba, performance-optimized, mono-forward; or a baseline: backprop, backprop-heads',
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
      label("λ: pulls each unit's mean activity towards that of its layer (Hinton's peer normalisation); 0 for none"),
    ),
  dropout: z
    .number()
    .min(0)
    .max(0.9)
    .meta(label('share of activations left out in each training step, of those that enter and that leave a layer')),
  negatives: named(
    negatives.ourNames,
    'FixedNEG, RandomNEG, AdaptiveNEG (strongest wrong label by goodness), or sampled in proportion to exp(goodness of layer 1 / temperature); none for objectives without negatives',
  ),
  negativeTemperature: z.number().positive().meta(label('temperature of --negatives sampled')),
  labelLag: count.meta(
    label(
      'adaptive and sampled: labels of chapter c come from the layers of chapter c - lag; unless given, adaptive takes the number of nodes, so that no node waits',
    ),
  ),
  classifier: z
    .enum(['goodness', 'softmax', 'last-head', 'all-heads'])
    .meta(label('how to predict: goodness, softmax; performance-optimized and mono-forward: last-head or all-heads')),

  epochs: count.meta(label('E: passes over the training data')),
  splits: count.meta(label('S: chapters that training is cut into')),
  batch: count.meta(label('samples in a batch (each positive and negative)')),
  optimizer: z.enum(['adam', 'sgd']).meta(label('adam, or sgd: gradient descent with momentum')),
  learningRate: z.number().positive().meta(label("the optimizer's rate for the layers")),
  headLearningRate: z.number().positive().meta(label("the optimizer's rate for softmax heads")),
  cooldownAfter: z
    .number()
    .min(0)
    .max(1)
    .meta(label('share of training after which rates fall linearly to 0; 1 for never')),
  schedule: named(rateSchedules.ourNames, 'how learning rates change over training; cooldown, or one of a plugin'),
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
  initScale: z.number().positive().meta(label('scale of the initial weights; at 1 goodness starts at θ')),
  seed: z.int().min(0).max(4294967295).meta(label('seed of everything random')),

  shards: count.meta(label('chapter c trains on shard c mod shards only; federated: as many as nodes')),
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

/** Whether training images are moved, mirrored or deformed. */
export function augmentsImages(spec: Pick<RunSpec, 'shift' | 'flip' | 'affine' | 'elastic'>): boolean {
  return spec.shift > 0 || spec.flip || spec.affine > 0 || spec.elastic > 0;
}

/** Negative labels that depend on the layers of an earlier chapter. */
export function usesPredictedLabels(name: RunSpec['negatives']): boolean {
  return negatives.find(name) === 'predicted';
}

/** Layers above the input. */
export function layerCount(spec: RunSpec): number {
  return spec.layers.length - 1;
}

/** The value of a field as a flag takes it. */
export function fieldText<K extends SpecField>(field: K, spec: { readonly [F in K]?: RunSpec[F] | undefined }): string {
  const value: unknown = spec[field];
  return Array.isArray(value) ? describeLayers(value as LayerSize[], ',') : String(value);
}

/** Common defaults; presets and users' fields go over them. */
const common: Omit<
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

/**
 * Fills in what `given` leaves out and checks that the fields fit each other.
 * @param names `any` where a spec is only read, such as a model's: names of plugins that are not loaded are let be.
 * @throws PffError `usage`, naming the field, what was found and what would do.
 */
export function resolveSpec(given: PartialSpec, names: 'registered' | 'any' = 'registered'): RunSpec {
  const parsed = partialSpecSchema.safeParse(withoutUndefined(given));
  if (!parsed.success)
    throw new PffError('usage', describeIssues(parsed.error), { hint: 'pff train --help lists every field.' });
  const part = withoutUndefined(parsed.data);
  const objective = part.objective ?? 'goodness';
  const { classifiers, rates } = objectiveOf(objective);
  const spec: RunSpec = {
    ...common,
    objective,
    negatives: usesNegatives(objective) ? 'sampled' : 'none',
    classifier: classifiers[0],
    ...rates[part.optimizer ?? common.optimizer],
    splits: part.epochs ?? common.epochs,
    // Labels as planes beside the image's, where the first layer knows planes.
    ...(part.layers && imagePlanes(part.layers) ? { labelMode: 'append' as const } : {}),
    ...part,
  };
  if (names === 'registered') checkNames(spec);
  checkTogether(spec);
  return spec;
}

/** Whether a spec may say `field: name`: it is one of our names, or one that is registered. */
export function isKnownName(field: OwnKind, name: string): boolean {
  return partTables[field].has(name);
}

/** Own names must be registered by now. */
function checkNames(spec: RunSpec): void {
  for (const field of OWN_KINDS) {
    const name: string = spec[field];
    if (isKnownName(field, name)) continue;
    const all = partTables[field].names;
    throw new PffError('usage', `${field} must be one of ${all.join(', ')}, but is ${name}`, {
      hint: didYouMean(name, all, 'Names of your own come with --plugin FILE.'),
    });
  }
}

/** Goodness, its slope and its square have to stay within what single precision holds, with room to learn. */
const LARGEST = 1e12;

/** Fields that are right one by one but not together. */
function checkTogether(spec: RunSpec): void {
  const wrong = (message: string, hint: string): never => {
    throw new PffError('usage', message, { hint });
  };
  const atStart = spec.threshold * spec.initScale * spec.initScale;
  for (const [what, value] of [
    ['threshold · initScale², the goodness that layers begin with,', atStart],
    ['steepness · threshold, where the loss begins,', spec.steepness * Math.max(spec.threshold, atStart)],
  ] as const)
    if (!(value <= LARGEST && value >= 1 / LARGEST))
      wrong(
        `${what} is ${value}, but must be from ${1 / LARGEST} to ${LARGEST}: single precision holds no more`,
        'Choose --threshold, --steepness and --init-scale nearer to 1, 20 and 1.',
      );
  const negative = usesNegatives(spec.objective);
  if (negative && spec.negatives === 'none')
    wrong(
      `objective ${spec.objective} needs negative samples, but negatives is none`,
      'Choose fixed, random, adaptive or sampled.',
    );
  if (!negative && spec.negatives !== 'none')
    wrong(
      `objective ${spec.objective} uses no negative samples, but negatives is ${spec.negatives}`,
      'Leave --negatives out.',
    );
  const { classifiers } = objectiveOf(spec.objective);
  if (!classifiers.includes(spec.classifier))
    wrong(
      negative
        ? `classifier ${spec.classifier} needs layers with heads of their own, which objective ${spec.objective} does not train`
        : classifiers.length === 1
          ? `classifier is ${spec.classifier}, but objective ${spec.objective} has one head only`
          : `classifier ${spec.classifier} does not fit objective ${spec.objective}, whose layers have heads of their own`,
      `Choose ${classifiers.join(' or ')}.`,
    );
  // Layers that do not fit what enters them say so here.
  geometries(spec.layers);
  if (imagePlanes(spec.layers) && spec.labelMode === 'overlay')
    wrong(
      'labelMode is overlay, which writes over the first values of an image, but the layers read whole planes',
      'Leave --label-mode out: the label enters as one plane a class.',
    );
  if (isBackprop(spec.objective) && spec.wire !== 'f32')
    wrong(`wire is ${spec.wire}, but objective ${spec.objective} publishes no layer states`, 'Leave --wire out.');
  if (negative && spec.layers.length < 3)
    wrong(
      `classifier ${spec.classifier} reads all layers but the first, and there is only one`,
      'Give at least two layers, such as 784,500,500.',
    );
  if (spec.augmentPer === 'layer' && !augmentsImages(spec))
    wrong(
      'augmentPer is layer, but images are neither moved nor deformed',
      'Give --shift, --flip, --affine or --elastic, or leave --augment-per out.',
    );
  if (spec.augmentPer === 'layer' && isBackprop(spec.objective))
    wrong(
      `augmentPer is layer, but objective ${spec.objective} passes each image through all layers at once`,
      'Give --augment-per chapter.',
    );
  if (!negative && spec.peerNormalization > 0)
    wrong(
      `peerNormalization goes with objectives on goodness, but the objective is ${spec.objective}`,
      'Leave --peer-normalization out.',
    );
  if (spec.labelLag > 1 && !usesPredictedLabels(spec.negatives))
    wrong(
      `labelLag is ${spec.labelLag}, but negatives ${spec.negatives} do not depend on earlier chapters`,
      'Leave --label-lag out.',
    );
  if (spec.skew > 0 && spec.shards === 1)
    wrong('skew needs more than one shard', 'Give --shards, or --variant federated with several nodes.');
  if (
    spec.shards > 1 &&
    spec.validationSamples > 0 &&
    spec.trainSamples > 0 &&
    spec.validationSamples >= spec.trainSamples
  )
    wrong('validationSamples leaves no training samples', 'Lower --validation-samples.');
}

function withoutUndefined<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'spec'}: ${issue.message}`).join('; ');
}
