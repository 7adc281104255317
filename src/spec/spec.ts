/**
 * The run spec: everything that fixes the final bits of a run (and nothing else), and how a partial one is filled in.
 * How a run is carried out (threads, folders, servers) is no part of it; see run/.
 */
import { z } from 'zod';
import { PffError } from '../errors.js';
import { precisions } from '../kernels/kernels.js';
import { didYouMean } from '../suggest.js';
import { isOwnName, OWN_KINDS, ownNames, type OwnKind } from './own-names.js';

/** A name that a program or plugin has registered (own-names.ts). */
export type OwnName = string & Record<never, never>;

/** One of `names`, or one that is registered; which of the latter there are is only known when a spec is resolved. */
function named<const T extends string>(names: readonly T[], text: string): z.ZodType<T | OwnName> {
  return z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/)
    .meta({ description: text, enum: [...names] });
}

const OBJECTIVES = [
  'goodness',
  'symba',
  'performance-optimized',
  'mono-forward',
  'backprop',
  'backprop-heads',
] as const;
const GOODNESSES = ['mean', 'sum'] as const;
const NEGATIVES = ['none', 'fixed', 'random', 'adaptive', 'sampled'] as const;
const SCHEDULES = ['cooldown'] as const;
const KNOWN = { objective: OBJECTIVES, goodness: GOODNESSES, negatives: NEGATIVES, schedule: SCHEDULES } as const;

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

  layers: z
    .array(count)
    .min(2)
    .meta(label('sizes: values per image, then the units of each layer, such as 784,500,500')),
  objective: named(
    OBJECTIVES,
    'what each layer learns: goodness, symba, performance-optimized, mono-forward; or a baseline: backprop, backprop-heads',
  ),
  goodness: named(GOODNESSES, "goodness is the mean or the sum of a row's squared activations, or of a plugin"),
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
    NEGATIVES,
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
  schedule: named(SCHEDULES, 'how learning rates change over training; cooldown, or one of a plugin'),
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

/** A complete run spec. */
export type RunSpec = z.infer<typeof runSpecSchema>;
export type SpecField = keyof RunSpec;

/** What users write: any part of a spec. */
export const partialSpecSchema = runSpecSchema.partial();
export type PartialSpec = { [K in SpecField]?: RunSpec[K] | undefined };

/** For building flags: each field with its schema and text. */
export const specFields: { readonly [K in SpecField]: z.ZodType<RunSpec[K]> } = shape;

/** Objectives that train on positive and negative samples; own ones are losses of their goodness. */
export function usesNegatives(objective: RunSpec['objective']): boolean {
  return objective !== 'performance-optimized' && objective !== 'mono-forward' && !isBackprop(objective);
}

/** Baselines outside the pipeline: gradients pass from layer to layer. */
export function isBackprop(objective: RunSpec['objective']): boolean {
  return objective === 'backprop' || objective === 'backprop-heads';
}

/** Whether activations are scaled to unit length before the next layer; else they pass on as they are. */
export function passesUnitLength({ objective }: Pick<RunSpec, 'objective'>): boolean {
  return objective !== 'mono-forward' && !isBackprop(objective);
}

/** Whether training images are moved, mirrored or deformed. */
export function augmentsImages(spec: Pick<RunSpec, 'shift' | 'flip' | 'affine' | 'elastic'>): boolean {
  return spec.shift > 0 || spec.flip || spec.affine > 0 || spec.elastic > 0;
}

/** Negative labels that depend on the layers of an earlier chapter. */
export function usesPredictedLabels(negatives: RunSpec['negatives']): boolean {
  return negatives === 'adaptive' || negatives === 'sampled';
}

/** Layers above the input. */
export function layerCount(spec: RunSpec): number {
  return spec.layers.length - 1;
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
  const negative = usesNegatives(objective);
  const spec: RunSpec = {
    ...common,
    objective,
    negatives: negative ? 'sampled' : 'none',
    classifier: negative ? 'goodness' : objective === 'backprop' ? 'last-head' : 'all-heads',
    ...rates(objective, part.optimizer ?? common.optimizer),
    splits: part.epochs ?? common.epochs,
    ...part,
  };
  if (names === 'registered') checkNames(spec);
  checkTogether(spec);
  return spec;
}

/** What each objective learns well with; the figures are in docs/LOG.md. */
function rates(
  objective: RunSpec['objective'],
  optimizer: RunSpec['optimizer'],
): Pick<RunSpec, 'learningRate' | 'headLearningRate' | 'weightDecay'> {
  const negative = usesNegatives(objective);
  if (optimizer === 'sgd')
    return { learningRate: negative ? 3 : isBackprop(objective) ? 0.1 : 1, headLearningRate: 0.1, weightDecay: 0 };
  const withHeads = isBackprop(objective) ? 0.001 : objective === 'mono-forward' ? 0.003 : 0.03;
  return {
    learningRate: negative ? 0.025 : withHeads,
    headLearningRate: 0.001,
    weightDecay: negative ? 0.01 : 0,
  };
}

/** Whether a spec may say `field: name`: it is one of our names, or one that is registered. */
export function isKnownName(field: OwnKind, name: string): boolean {
  const ours: readonly string[] = KNOWN[field];
  return ours.includes(name) || isOwnName(field, name);
}

/** Own names must be registered by now. */
function checkNames(spec: RunSpec): void {
  for (const field of OWN_KINDS) {
    const name: string = spec[field];
    if (isKnownName(field, name)) continue;
    const all = [...KNOWN[field], ...ownNames(field)];
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
  const heads = spec.classifier === 'last-head' || spec.classifier === 'all-heads';
  if (negative && heads)
    wrong(
      `classifier ${spec.classifier} needs layers with heads of their own, which objective ${spec.objective} does not train`,
      'Choose goodness or softmax.',
    );
  if (!negative && !heads)
    wrong(
      `classifier ${spec.classifier} does not fit objective ${spec.objective}, whose layers have heads of their own`,
      'Choose last-head or all-heads.',
    );
  if (isBackprop(spec.objective) && spec.wire !== 'f32')
    wrong(`wire is ${spec.wire}, but objective ${spec.objective} publishes no layer states`, 'Leave --wire out.');
  if (spec.objective === 'backprop' && spec.classifier !== 'last-head')
    wrong('objective backprop has one head only', 'Choose last-head, or objective backprop-heads.');
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
