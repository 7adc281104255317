/** Rows made shorter, smaller or coarser than they are, and recognising results as a row's at whatever scale. */
import type { Dataset } from '../data/dataset.js';
import { PffError } from '../errors.js';
import { describeLayers, imageValues } from '../layers/sizes.js';
import { runSpecSchema, type RunSpec, type SpecField } from '../spec/spec.js';

export interface Scale {
  /** At most so many epochs; a row that has fewer keeps them. */
  readonly epochs?: number | undefined;
  readonly trainSamples?: number | undefined;
  readonly testSamples?: number | undefined;
  /** Units of the layers above the input. */
  readonly layers?: readonly number[] | undefined;
  /** Unless given, the row's own. */
  readonly precision?: RunSpec['precision'] | undefined;
}

/** Fields in which a row's results may differ and still be the row's. */
const SCALED: ReadonlySet<SpecField> = new Set([
  'epochs',
  'splits',
  'trainSamples',
  'testSamples',
  'layers',
  'precision',
  'seed',
] as const);

/** Whether `scale` asks for less than whole rows. */
export function makesSmaller({ epochs, trainSamples, testSamples, layers }: Scale): boolean {
  return [epochs, trainSamples, testSamples, layers].some((each) => each !== undefined);
}

/** `spec` at `scale`; chapters keep their length where that is possible. */
export function scaled(spec: RunSpec, { epochs, trainSamples, testSamples, layers, precision }: Scale): RunSpec {
  const shorter = Math.min(epochs ?? spec.epochs, spec.epochs);
  if (layers !== undefined && layers.length < 2)
    throw new PffError('usage', `a row needs two layers or more, but was given ${layers.join(',')}`, {
      hint: 'Give the units of each layer above the input, such as --layers 500,500,500,500.',
    });
  return {
    ...spec,
    epochs: shorter,
    splits: Math.max(1, Math.round((spec.splits * shorter) / spec.epochs)),
    trainSamples: trainSamples ?? spec.trainSamples,
    testSamples: testSamples ?? spec.testSamples,
    layers: layers === undefined ? spec.layers : [imageValues(spec.layers), ...layers],
    precision: precision ?? spec.precision,
  };
}

/** `spec` as it is known: as many samples as the dataset has, or more, are all of them. */
export function withAllSamples(spec: RunSpec, { train, test }: Dataset): RunSpec {
  return {
    ...spec,
    trainSamples: spec.trainSamples < train.count ? spec.trainSamples : 0,
    testSamples: spec.testSamples < test.count ? spec.testSamples : 0,
  };
}

/** Whether `spec` is `row` in everything but scale and seed. */
export function isOfRow(row: RunSpec, spec: RunSpec): boolean {
  return fields.every((field) => SCALED.has(field) || JSON.stringify(row[field]) === JSON.stringify(spec[field]));
}

/** A text that is equal for equal specs but for the seed, at one scale. */
export function scaleKey(spec: RunSpec): string {
  return JSON.stringify(fields.filter((field) => field !== 'seed').map((field) => spec[field]));
}

/** How `spec` falls short of `row`, in words; nothing where it is the row at full length and size, in whatever precision. */
export function shortfall(row: RunSpec, spec: RunSpec): string[] {
  const parts: string[] = [];
  if (spec.epochs !== row.epochs) parts.push(`${spec.epochs} of ${row.epochs} epochs`);
  if (spec.trainSamples !== row.trainSamples) parts.push(`${spec.trainSamples} training images`);
  if (!sameLayers(spec, row)) parts.push(`layers ${describeLayers(spec.layers.slice(1))}`);
  if (spec.testSamples !== row.testSamples) parts.push(`tested on ${spec.testSamples} images only`);
  if (parts.length === 0 && spec.splits !== row.splits) parts.push(`${spec.splits} of ${row.splits} chapters`);
  return parts;
}

/** Options that give `spec` when the row is reproduced with them. */
export function scaleFlags(row: RunSpec, spec: RunSpec): string {
  return [
    ...(spec.epochs === row.epochs ? [] : [`--epochs ${spec.epochs}`]),
    ...(spec.trainSamples === row.trainSamples ? [] : [`--train-samples ${spec.trainSamples}`]),
    ...(spec.testSamples === row.testSamples ? [] : [`--test-samples ${spec.testSamples}`]),
    ...(sameLayers(spec, row) ? [] : [`--layers ${describeLayers(spec.layers.slice(1), ',')}`]),
    ...(spec.precision === row.precision ? [] : [`--precision ${spec.precision}`]),
  ].join(' ');
}

function sameLayers(a: RunSpec, b: RunSpec): boolean {
  return describeLayers(a.layers) === describeLayers(b.layers);
}

const fields = Object.keys(runSpecSchema.shape) as SpecField[];
