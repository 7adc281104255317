/**
 * Whether what a program gave is a dataset, or parts of one, at all: a program without types may give anything. Whether sizes and
 * labels fit each other: plausible.ts.
 */
import { PffError } from '../errors.js';
import { described } from '../known-options.js';
import { MOST_CLASSES } from './label-array.js';
import type { Dataset, ImageShape, SampleValues } from './dataset.js';

/** @throws PffError `data` unless `shape` has three whole numbers of at least 1. */
export function checkShape(name: string, shape: Partial<ImageShape> | null | undefined): void {
  const { width, height, channels } = shape ?? {};
  if ([width, height, channels].every((side) => Number.isInteger(side) && (side as number) >= 1)) return;
  throw new PffError(
    'data',
    `${name}: the shape must have a width, a height and channels, each a whole number of at least 1, but has ${width}, ${height} and ${channels}`,
    { hint: 'Give { width, height, channels }; a table of 5 columns is { width: 5, height: 1, channels: 1 }.' },
  );
}

/** @throws PffError `data` unless `classes` is a list of names that labels can tell apart. */
export function checkClassNames(name: string, classes: unknown): void {
  const named = Array.isArray(classes) && classes.every((each) => typeof each === 'string');
  if (named && classes.length > 0 && classes.length <= MOST_CLASSES) return;
  throw new PffError('data', `${name}: classes must be a list of 1 to ${MOST_CLASSES} names`, {
    hint: "Give the names in order of their labels: ['cat', 'dog'].",
  });
}

/** @param what what was given, in words. @throws PffError `data` for what is no dataset. */
export function checkDataset(what: string, given: unknown): asserts given is Dataset {
  const problem = problemOf(given);
  if (problem !== undefined)
    throw new PffError('data', `${what} is no dataset: ${problem}`, {
      hint:
        given instanceof Promise
          ? 'Write await before the function that loads it.'
          : 'Give what datasetFromArrays, loadData and their kin make.',
    });
  const { shape, classes } = given as Dataset;
  checkShape(what, shape);
  checkClassNames(what, classes);
}

function problemOf(given: unknown): string | undefined {
  if (given instanceof Promise) return 'it is a promise of one';
  if (typeof given !== 'object' || given === null) return `it is ${described(given)}`;
  const { name, shape, classes, train, test, validation, digest } = given as Record<keyof Dataset, unknown>;
  const missing = Object.entries({ name, shape, classes, train, test, digest }).find(
    ([, part]) => part === undefined || part === null,
  );
  if (missing) return `it has no ${missing[0]}`;
  if (typeof name !== 'string' || typeof digest !== 'string') return 'its name and its digest must be texts';
  for (const [part, samples] of Object.entries({ train, test, validation })) {
    if (part === 'validation' && samples === undefined) continue;
    const { count, images, labels } = samples as Record<'count' | 'images' | 'labels', unknown>;
    if (!Number.isInteger(count)) return `${part} has no count of samples`;
    if (!(images instanceof Uint8Array || images instanceof Float32Array))
      return `images of ${part} must be a Uint8Array or a Float32Array`;
    if (!(labels instanceof Uint8Array || labels instanceof Uint16Array))
      return `labels of ${part} must be a Uint8Array or a Uint16Array`;
  }
  return undefined;
}

/**
 * Values to predict, as a network takes them: bytes, those of a canvas too, or floats.
 * @throws PffError `data` for other arrays, whose numbers could be meant as either, and for floats that are not finite
 */
export function checkedValues(values: unknown): SampleValues {
  if (values instanceof Uint8Array) return values;
  if (values instanceof Uint8ClampedArray) return new Uint8Array(values);
  if (!(values instanceof Float32Array))
    throw new PffError(
      'data',
      `values must be a Uint8Array or a Float32Array, but what was given is ${described(values)}`,
      {
        hint: 'Give bytes 0 … 255 as a Uint8Array: Uint8Array.from(values).',
      },
    );
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return values;
  throw new PffError('data', `value ${wrong} is ${values[wrong]}, which is no finite number`, {
    hint: 'Leave such samples out, or fill the values in.',
  });
}
