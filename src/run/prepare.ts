/** From a dataset to what nodes train on and what accuracy is measured on. */
import { imageSize, takeSamples, type Dataset, type ImageShape, type Samples } from '../data/dataset.js';
import { labelLayout, neutralNorm2, ONE_HOT_NORM2, rowScales, type LabelLayout } from '../data/labels.js';
import { shardSamples } from '../data/shards.js';
import { PffError } from '../errors.js';
import { chapterPlan } from '../model/chapter.js';
import type { LabelledData } from '../model/inputs.js';
import type { RunSpec } from '../spec/spec.js';
import type { DatasetFacts } from './events.js';

export interface PreparedData {
  readonly train: LabelledData;
  readonly test: LabelledData;
  readonly imageShape: ImageShape;
  readonly shards: readonly Uint32Array[];
  readonly facts: DatasetFacts;
}

/** @throws PffError `usage` or `data` where spec and dataset do not fit each other. */
export function prepareData(dataset: Dataset, spec: RunSpec): PreparedData {
  const size = imageSize(dataset.shape);
  if (spec.layers[0] !== size)
    throw new PffError(
      'usage',
      `layers begin with ${spec.layers[0]}, but images of ${dataset.name} have ${size} values`,
      {
        hint: `Give --layers ${[size, ...spec.layers.slice(1)].join(',')}.`,
      },
    );
  const all = cut(dataset.train, spec.trainSamples, 'training', '--train-samples');
  const held = spec.validationSamples;
  if (held >= all.count)
    throw new PffError('usage', `validationSamples is ${held}, but there are only ${all.count} training samples`, {
      hint: 'Lower --validation-samples.',
    });
  const train = takeSamples(all, all.count - held);
  const test =
    held > 0 ? takeSamples(all, held, all.count - held) : cut(dataset.test, spec.testSamples, 'test', '--test-samples');
  const classes = dataset.classes.length;
  const layout = labelLayout(dataset.shape, classes, spec.labelMode);
  const shards =
    spec.shards === 1
      ? [Uint32Array.from({ length: train.count }, (_, i) => i)]
      : shardSamples(train.labels, classes, spec.shards, spec.skew, spec.seed);
  // Before anything is written: too many splits for the batches there are.
  for (const shard of shards) chapterPlan(spec, shard, 0);
  return {
    train: labelled(train, layout),
    test: labelled(test, layout),
    imageShape: dataset.shape,
    shards,
    facts: {
      name: dataset.name,
      digest: dataset.digest,
      trainSamples: train.count,
      testSamples: test.count,
      evaluatedOn: held > 0 ? 'validation' : 'test',
      classes: dataset.classes,
    },
  };
}

/** Samples with the scales of their rows. */
export function labelled(samples: Samples, layout: LabelLayout): LabelledData {
  return {
    samples,
    layout,
    oneHot: rowScales(samples, layout, ONE_HOT_NORM2),
    neutral: rowScales(samples, layout, neutralNorm2(layout.suffix)),
  };
}

function cut(samples: Samples, asked: number, which: string, flag: string): Samples {
  if (asked > samples.count)
    throw new PffError('usage', `${asked} ${which} samples were asked for, but there are ${samples.count}`, {
      hint: `Lower ${flag}.`,
    });
  return asked === 0 ? samples : takeSamples(samples, asked);
}
