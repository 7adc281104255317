/** From a dataset to what nodes train on and what accuracy is measured on. */
import { sha256 } from '#platform/hash';
import type { Inputs } from '../data/columns.js';
import { imageSize, pickSamples, takeSamples, type Dataset, type ImageShape, type Samples } from '../data/dataset.js';
import { labelLayout, labelNorms, rowScales, type LabelLayout } from '../data/labels.js';
import { lostClasses } from '../data/plausible.js';
import { shardSamples } from '../data/shards.js';
import { drawRows } from '../data/split.js';
import { PffError } from '../errors.js';
import { describeLayers, imagePlanes, imageValues } from '../layers/sizes.js';
import { chapterPlan } from '../model/chapter.js';
import type { LabelledData } from '../model/labelled-data.js';
import { checkChapters, checkGraph } from '../schedule/bounds.js';
import type { Site } from './job.js';
import { usesNegatives, type RunSpec } from '../spec/spec.js';

export interface DatasetFacts {
  readonly name: string;
  readonly digest: string;
  readonly trainSamples: number;
  /** Samples that accuracy is measured on, and which ones they are. */
  readonly testSamples: number;
  readonly evaluatedOn: 'test' | 'validation';
  readonly classes: readonly string[];
}

export interface PreparedData {
  readonly layout: LabelLayout;
  /** What each shard trains on; one site with all samples where the spec has no shards. */
  readonly sites: readonly Site[];
  readonly test: LabelledData;
  /** Held out to follow the training by, where the dataset has such samples besides the test samples. */
  readonly validation?: LabelledData | undefined;
  /** What a model of this data takes. */
  readonly inputs: Inputs;
  readonly facts: DatasetFacts;
  /** Bytes of the images that those of `sites` are copies of, where only some were drawn; else 0. */
  readonly drawnFromBytes: number;
  /** What is odd about the samples that are trained on, in words for people. */
  readonly notes: readonly string[];
}

/**
 * @param shardData a dataset for each shard, whose training samples take the place of the shards of `dataset`.
 * @throws PffError `usage` or `data` where spec and datasets do not fit each other.
 */
export function prepareData(dataset: Dataset, spec: RunSpec, shardData?: readonly Dataset[]): PreparedData {
  return shardData === undefined ? prepareWhole(dataset, spec, true) : prepareShards(dataset, spec, shardData);
}

/** As far as the samples that accuracy is measured on need it: what the spec trains on need not be there. @throws PffError as `prepareData` */
export function prepareMeasured(dataset: Dataset, spec: RunSpec): PreparedData {
  // Validation samples are the last of the training samples that are used.
  const trainSamples = spec.validationSamples > 0 ? spec.trainSamples : 0;
  return prepareWhole(dataset, { ...spec, trainSamples, epochs: 1, splits: 1, shards: 1, skew: 0 }, false);
}

function prepareWhole(dataset: Dataset, spec: RunSpec, trains: boolean): PreparedData {
  checkGraph(spec);
  checkPlanes(dataset, spec);
  const size = imageSize(dataset.shape);
  const values = imageValues(spec.layers);
  if (values !== size)
    throw new PffError('usage', `layers begin with ${values}, but images of ${dataset.name} have ${size} values`, {
      hint: `Give --layers ${describeLayers([size, ...spec.layers.slice(1)], ',')}.`,
    });
  checkAugmentation(dataset, spec);
  const held = spec.validationSamples;
  // Models that were trained so before are still measured on the samples that were held out of theirs.
  if (trains && held > 0 && spec.dataset === 'own')
    throw new PffError(
      'usage',
      `validationSamples is ${held}, but the last samples of data of your own may be all of one class`,
      { hint: 'Give --validation SHARE (validationShare), such as 0.1: it sets aside the same share of each class.' },
    );
  const all = trainingSamples(dataset, spec);
  if (held > 0 && held >= all.count)
    throw new PffError('usage', `validationSamples is ${held}, but there are only ${all.count} training samples`, {
      hint: 'Lower --validation-samples.',
    });
  const train = takeSamples(all, all.count - held);
  const test = held > 0 ? takeSamples(all, held, all.count - held) : testSamples(dataset, spec);
  if (trains) checkEarlyStop(spec, held > 0 || dataset.validation !== undefined);
  const classes = dataset.classes.length;
  checkTried(dataset, spec);
  const layout = labelLayout(dataset.shape, classes, spec.labelMode);
  const shards =
    spec.shards === 1
      ? [Uint32Array.from({ length: train.count }, (_, i) => i)]
      : shardSamples(train.labels, classes, spec.shards, spec.skew, spec.seed);
  // Before anything is written: too many splits for the batches there are.
  if (trains)
    for (const shard of shards) {
      checkChapters(spec, shard.length);
      chapterPlan(spec, shard, 0);
    }
  const data = labelled(train, layout, dataset.shape, spec);
  return {
    layout,
    sites: shards.map((samples) => ({ data, samples })),
    test: labelled(test, layout, dataset.shape, spec),
    validation: dataset.validation && labelled(dataset.validation, layout, dataset.shape, spec),
    inputs: inputsOf(dataset),
    facts: {
      name: dataset.name,
      digest: dataset.digest,
      trainSamples: train.count,
      testSamples: test.count,
      evaluatedOn: held > 0 ? 'validation' : 'test',
      classes: dataset.classes,
    },
    drawnFromBytes: keptBytes(dataset.train, all) + (held > 0 ? 0 : keptBytes(dataset.test, test)),
    notes: trains ? lostClasses(dataset, train) : [],
  };
}

/** @throws PffError `usage` */
function checkEarlyStop(
  { earlyStop }: RunSpec,
  hasValidation: boolean,
  hint = 'Give --validation 0.1 with data of your own, or --validation-samples.',
): void {
  if (earlyStop === 0 || hasValidation) return;
  throw new PffError('usage', `earlyStop is ${earlyStop}, but there are no validation samples to decide by`, { hint });
}

/** @throws PffError `usage` where layers read planes of another shape than the images have. */
function checkPlanes({ name, shape }: Dataset, { layers }: RunSpec): void {
  const planes = imagePlanes(layers);
  if (!planes || (planes.channels === shape.channels && planes.height === shape.height && planes.width === shape.width))
    return;
  const found = `${shape.channels}x${shape.height}x${shape.width}`;
  throw new PffError('usage', `layers begin with ${layers[0] as string}, but images of ${name} are ${found}`, {
    hint: `Give --layers ${describeLayers([found, ...layers.slice(1)], ',')}.`,
  });
}

/** Goodness tries a sample with every label, so time and memory of a prediction grow with the classes times the layers. */
const MOST_TRIED = 4096;

/** @throws PffError `usage` where an objective would try more labels than is of use. */
function checkTried({ name, classes }: Dataset, { objective }: RunSpec): void {
  if (classes.length <= MOST_TRIED || !usesNegatives(objective)) return;
  throw new PffError(
    'usage',
    `${name} has ${classes.length} classes, and objective ${objective} predicts by trying each of them: at most ${MOST_TRIED}`,
    { hint: 'Use --objective performance-optimized, whose layers predict all classes at once.' },
  );
}

/** Training images that tell what stands along the edges of all. */
const EDGE_TRIALS = 1000;

function inputsOf({ inputs, shape, train }: Dataset): Inputs {
  const given = inputs ?? { kind: 'image', shape };
  const { images, count } = train;
  if (given.kind === 'columns' || !(images instanceof Uint8Array) || count === 0) return given;
  const { width, height, channels } = shape;
  let [sum, places] = [0, 0];
  for (let i = 0; i < Math.min(EDGE_TRIALS, count) * channels; i++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x += y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1)) {
        sum += images[(i * height + y) * width + x] as number;
        places++;
      }
  return { ...given, edge: Math.round(sum / places) };
}

/** @throws PffError `usage` where the dataset has no pixels to move, mirror or deform. */
function checkAugmentation({ name, shape }: Dataset, spec: RunSpec): void {
  const { width, height } = shape;
  for (const field of ['shift', 'elastic', 'cutout'] as const)
    if (spec[field] >= Math.min(width, height))
      throw new PffError(
        'usage',
        `${field} is ${spec[field]}, but images of ${name} have only ${width} x ${height} pixels`,
        { hint: `Lower --${field}; data that are no images have no pixels to move.` },
      );
  for (const field of ['affine', 'elastic'] as const)
    if (spec[field] > 0 && height === 1)
      throw new PffError('usage', `${field} deforms images, but those of ${name} are single rows`, {
        hint: `Leave --${field} out.`,
      });
  if (spec.flip && height === 1)
    throw new PffError('usage', `flip mirrors images, but those of ${name} are single rows`, {
      hint: 'Leave --flip out.',
    });
}

/** Each shard as a dataset of its own: what a federated node on another machine makes of its folder. */
function prepareShards(dataset: Dataset, spec: RunSpec, shardData: readonly Dataset[]): PreparedData {
  if (shardData.length !== spec.shards)
    throw new PffError('usage', `shards is ${spec.shards}, but there are ${shardData.length} folders of shards`, {
      hint: 'Leave --shards out, or name one folder for each shard.',
    });
  if (spec.skew > 0)
    throw new PffError('usage', `skew is ${spec.skew}, but the folders of the shards say who has which samples`, {
      hint: 'Leave --skew out.',
    });
  if (spec.validationSamples > 0)
    throw new PffError('usage', 'validationSamples was given, but folders of shards are only trained on', {
      hint: 'Leave --validation-samples out; --data-dir names the data that accuracy is measured on.',
    });
  const { layout, test, validation, facts, inputs } = prepareMeasured(dataset, spec);
  checkEarlyStop(
    spec,
    validation !== undefined,
    'Give --validation 0.1 with data of your own, or leave --early-stop out.',
  );
  // Whether there is something to decide by is a matter of the run's own held-out samples.
  const whole = { ...spec, shards: 1, skew: 0, testSamples: 0, earlyStop: 0 };
  const digest = sha256().update(dataset.digest);
  let [trainSamples, drawnFromBytes] = [0, 0];
  const sites = shardData.map((each, shard) => {
    // A shard may have no sample of the last classes; numbered classes then end before them.
    if (each.classes.some((name, label) => name !== dataset.classes[label]))
      throw new PffError(
        'data',
        `shard ${shard + 1} has the classes ${each.classes.join(', ')}, but the test data ${dataset.classes.join(', ')}`,
        { hint: 'All shards, and the test data, must have the same classes in the same order.' },
      );
    const prepared = prepareData({ ...each, classes: dataset.classes }, whole);
    digest.update(each.digest);
    trainSamples += prepared.facts.trainSamples;
    drawnFromBytes += prepared.drawnFromBytes;
    return prepared.sites[0] as Site;
  });
  // A shard may lack classes that others have, so nothing is said of them.
  return {
    layout,
    sites,
    test,
    validation,
    inputs,
    facts: { ...facts, digest: digest.hex(), trainSamples },
    drawnFromBytes,
    notes: [],
  };
}

/** Samples with the scales of their rows. */
export function labelled(
  samples: Samples,
  layout: LabelLayout,
  shape: ImageShape,
  { subtractMean }: Pick<RunSpec, 'subtractMean'>,
): LabelledData {
  const norms = labelNorms(layout);
  return {
    samples,
    layout,
    shape,
    oneHot: rowScales(samples, layout, norms.oneHot, subtractMean),
    neutral: rowScales(samples, layout, norms.neutral, subtractMean),
  };
}

/** Data of one's own often lie class by class: the first of them may all be of one class, so the same share of each is drawn. */
function trainingSamples({ train, classes }: Dataset, spec: RunSpec): Samples {
  const first = cut(train, spec.trainSamples, 'training', '--train-samples');
  return spec.validationSamples > 0 ? first : drawn(train, classes.length, first, spec);
}

function testSamples({ test, classes }: Dataset, spec: RunSpec): Samples {
  return drawn(test, classes.length, cut(test, spec.testSamples, 'test', '--test-samples'), spec);
}

/** Bytes of `all` that stay in memory beside the part of it that is used. */
function keptBytes(all: Samples, part: Samples): number {
  return part.images.buffer === all.images.buffer ? 0 : all.images.buffer.byteLength;
}

/** As many of `all` as the `first` of them are. */
function drawn(all: Samples, classes: number, first: Samples, { dataset, splitSeed }: RunSpec): Samples {
  if (first.count === all.count || dataset !== 'own') return first;
  return pickSamples(all, drawRows(all.labels, classes, first.count, splitSeed));
}

function cut(samples: Samples, asked: number, which: string, flag: string): Samples {
  if (asked > samples.count)
    throw new PffError('usage', `${asked} ${which} samples were asked for, but there are ${samples.count}`, {
      hint: `Lower ${flag}.`,
    });
  return asked === 0 ? samples : takeSamples(samples, asked);
}
