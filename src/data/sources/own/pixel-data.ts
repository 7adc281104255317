/** From images of bytes, in the parts that their source has, to a dataset: what is missing is set aside from the training images. */
import { sharedLabelsFrom, type Labels } from '../../label-array.js';
import { assembleDataset } from '../../assemble.js';
import type { Inputs } from '../../columns.js';
import { pickSamples, sharedBytes, type Dataset, type ImageShape, type Samples } from '../../dataset.js';
import { PffError } from '../../../errors.js';
import { splitRows } from '../../split.js';
import type { Reading } from '../../readers/reading.js';
import type { Parts } from '../../readers/parts.js';

/** Images [n, size], channel by channel, and their labels [n]. */
export interface Pictures {
  readonly images: Uint8Array;
  readonly labels: Labels;
}

export interface PixelData {
  readonly name: string;
  readonly shape: ImageShape;
  readonly classes: readonly string[];
  readonly parts: Parts<Pictures>;
  readonly notes: readonly string[];
  readonly inputs: Inputs;
}

/** @throws PffError `data` where nothing is left to test on */
export function datasetFromPixels(
  { name, shape, classes, parts, notes, inputs }: PixelData,
  reading: Reading,
): Dataset {
  const samples = ({ images, labels }: Pictures): Samples => ({
    count: labels.length,
    images: shared(images),
    labels: sharedLabelsFrom(labels, classes.length),
  });
  return withParts(
    { name, shape, classes, notes, inputs },
    {
      train: samples(parts.train),
      validation: parts.validation && samples(parts.validation),
      test: parts.test && samples(parts.test),
    },
    reading,
  );
}

/** Sets aside what `parts` lacks. */
export function withParts(
  { name, shape, classes, notes, inputs }: Omit<PixelData, 'parts'>,
  { train, validation, test }: Parts<Samples>,
  { testShare, validationShare, splitSeed }: Reading,
): Dataset {
  const shares = { test: test ? 0 : testShare, validation: validation ? 0 : validationShare, seed: splitSeed };
  const whole = shares.test === 0 && shares.validation === 0;
  const rows = whole ? undefined : splitRows(train.labels, classes.length, shares);
  const held = test ?? (rows && pickSamples(train, rows.test));
  if (held === undefined || held.count === 0)
    throw new PffError('data', `${name}: no images are left to test on`, {
      hint: 'Give test images, or a share such as --test 0.2.',
    });
  const aside = validation ?? (rows && rows.validation.length > 0 ? pickSamples(train, rows.validation) : undefined);
  return assembleDataset(name, shape, classes, rows ? pickSamples(train, rows.train) : train, held, notes, {
    validation: aside,
    inputs,
  });
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = sharedBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
