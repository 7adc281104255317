/** Fields of a spec that are right one by one but do not fit each other. */
import { PffError } from '../errors.js';
import { AUTO, geometries, needsSeveralRows, readsPlanes } from '../layers/sizes.js';
import { objectiveOf, objectives } from '../objectives/table.js';
import { common } from './defaults.js';
import type { RunSpec } from './fields.js';
import { augmentsImages, isBackprop, leavesEmpty, usesNegatives, usesPredictedLabels } from './predicates.js';

/** Fields that say how data of one's own are read. */
const OWN_DATA = [
  'labelColumn',
  'ignoreColumns',
  'missing',
  'testShare',
  'validationShare',
  'splitSeed',
  'imageSize',
] as const;

/** Goodness, its slope and its square have to stay within what single precision holds, with room to learn. */
const LARGEST = 1e12;

/** @throws PffError `usage`, naming the fields, what was found and what would do */
export function checkTogether(spec: RunSpec): void {
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
  for (const field of OWN_DATA)
    if (spec.dataset !== 'own' && spec[field] !== common[field])
      wrong(`${field} is of data of your own, but the dataset is ${spec.dataset}`, 'Give --data, or leave it out.');
  if (spec.testShare + spec.validationShare >= 1)
    wrong(
      `testShare ${spec.testShare} and validationShare ${spec.validationShare} leave nothing to train on`,
      'Choose smaller shares.',
    );
  // Of an objective that is not registered, as in a model that is only read, nothing more is known.
  const known = objectives.has(spec.objective);
  const negative = usesNegatives(spec.objective);
  if (known && negative && spec.negatives === 'none')
    wrong(
      `objective ${spec.objective} needs negative samples, but negatives is none`,
      'Choose fixed, random, adaptive or sampled.',
    );
  if (known && !negative && spec.negatives !== 'none')
    wrong(
      `objective ${spec.objective} uses no negative samples, but negatives is ${spec.negatives}`,
      'Leave --negatives out.',
    );
  const { classifiers } = objectiveOf(spec.objective);
  if (known && !classifiers.includes(spec.classifier))
    wrong(
      negative
        ? `classifier ${spec.classifier} needs layers with heads of their own, which objective ${spec.objective} does not train`
        : classifiers.length === 1
          ? `classifier is ${spec.classifier}, but objective ${spec.objective} has one head only`
          : `classifier ${spec.classifier} does not fit objective ${spec.objective}, whose layers have heads of their own`,
      `Choose ${classifiers.join(' or ')}.`,
    );
  // Layers that do not fit what enters them say so here.
  if (spec.layers[0] !== AUTO) {
    geometries(spec.layers);
    if (spec.batch === 1 && !negative && needsSeveralRows(spec.layers))
      wrong(
        'batch is 1, but a layer normalises each channel over the batch (bn) where a sample has one value of it: one value has no variance',
        'Give a larger --batch, or gn or ln in place of bn.',
      );
  }
  if (spec.labelMode === 'pattern' && !readsPlanes(spec.layers.slice(1)))
    wrong(
      'labelMode is pattern, which lays the label over planes, but the layers take single values',
      'Leave --label-mode out, or give convolutions, such as --layers 1x28x28,conv16+bn+max2,conv32+bn.',
    );
  if (readsPlanes(spec.layers.slice(1)) && spec.labelMode === 'overlay')
    wrong(
      'labelMode is overlay, which writes over the first values of an image, but the layers read whole planes',
      'Leave --label-mode out: the label enters as one plane a class.',
    );
  if (spec.dropoutOf === 'channels' && (spec.dropout === 0 || !readsPlanes(spec.layers.slice(1))))
    wrong(
      `dropoutOf is channels, but ${spec.dropout === 0 ? 'dropout is 0' : 'no layer has channels: they are all dense'}`,
      'Give --dropout 0.1 with convolutions, or leave --dropout-of out.',
    );
  if (isBackprop(spec.objective) && spec.wire !== 'f32')
    wrong(`wire is ${spec.wire}, but objective ${spec.objective} publishes no layer states`, 'Leave --wire out.');
  if (known && negative && spec.layers.length < 3)
    wrong(
      `classifier ${spec.classifier} reads all layers but the first, and there is only one`,
      'Give at least two layers, such as 784,500,500.',
    );
  if (spec.fill === 'mean' && !leavesEmpty(spec))
    wrong(
      'fill is mean, but images are neither moved nor deformed nor cut, so nothing comes in',
      'Give --shift, --affine, --elastic or --cutout, or leave --fill out.',
    );
  if (spec.augmentPer === 'layer' && !augmentsImages(spec))
    wrong(
      'augmentPer is layer, but images are neither moved nor deformed nor cut',
      'Give --shift, --flip, --affine, --elastic or --cutout, or leave --augment-per out.',
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
  if (negative && spec.classifier !== 'softmax' && spec.labelSmoothing > 0)
    wrong(
      `labelSmoothing goes with losses that have a softmax, but the objective is ${spec.objective} and the classifier ${spec.classifier}`,
      'Leave --label-smoothing out.',
    );
  if (spec.labelLag > 1 && !usesPredictedLabels(spec.negatives))
    wrong(
      `labelLag is ${spec.labelLag}, but negatives ${spec.negatives} do not depend on earlier chapters`,
      'Leave --label-lag out.',
    );
  const count = spec.layers.length - 1;
  const frozen = spec.freeze.at(-1) ?? 0;
  if (frozen > count) wrong(`freeze has layer ${frozen}, but there are ${count}`, 'Leave it out of --freeze.');
  if (spec.freeze.length === count && spec.classifier !== 'softmax')
    wrong(
      'freeze has all layers, and nothing is left to train',
      'Leave one out of --freeze, or give --classifier softmax.',
    );
  if (frozen > 0 && isBackprop(spec.objective))
    wrong(
      `freeze is of layers that learn by themselves, but the objective is ${spec.objective}`,
      'Leave --freeze out.',
    );
  const lastPhase = spec.phases.at(-1);
  if (lastPhase !== undefined && lastPhase >= spec.epochs)
    wrong(
      `phases has ${lastPhase}, but a phase cannot begin after epoch ${lastPhase} of ${spec.epochs}`,
      'Raise --epochs, or leave --phases out.',
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

/** What trains nothing. Models that were trained so before are still read. @throws PffError `usage` */
export function checkLearns(spec: RunSpec): void {
  const wrong = (message: string, hint: string): never => {
    throw new PffError('usage', message, { hint });
  };
  if (spec.batch === 1 && objectives.find(spec.objective)?.comparesSamples)
    wrong(
      `batch is 1, but objective ${spec.objective} compares the samples of a batch with each other`,
      'Give a larger --batch, such as 64.',
    );
  const fastest = Math.max(spec.learningRate, spec.headLearningRate);
  if (fastest * spec.weightDecay >= 1)
    wrong(
      `weightDecay ${spec.weightDecay} times the learning rate ${fastest} takes all of a weight away at each step`,
      'Lower --weight-decay, or the rate.',
    );
}
