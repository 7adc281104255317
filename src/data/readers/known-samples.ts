/**
 * Samples as a model that there is takes them: columns by their names, scaled as in its training, classes by their names. Where they
 * come from (a file, a folder, a browser's user) is the matter of those who use this.
 */
import { PffError } from '../../errors.js';
import { assembleDataset } from '../assemble.js';
import { byteOf, columnsWidth, fitsRange, encodeRow, type Cell, type Inputs } from '../columns.js';
import { imageSize, sharedBytes, sharedFloats, type Dataset, type ImageShape, type Samples } from '../dataset.js';
import { sharedLabels, sharedLabelsFrom } from '../label-array.js';
import { labelText } from './classes.js';
import type { FileRow } from './rows-for-inputs.js';

/** What is known of the data before they are read. */
export interface Known {
  readonly inputs: Inputs;
  readonly classes: readonly string[];
}

export interface KnownReading {
  /** `test`: the part that is so called, else all; `train`: the part to train on, else all. */
  readonly part: 'train' | 'test';
  /** Of samples of a class that is not known: left out, with a note, or an error. */
  readonly unknown: 'leave out' | 'refuse';
  /** Of rows with empty cells, where the columns are not filled. */
  readonly missing: 'refuse' | 'drop' | 'fill';
  /** Column with the classes, for tables of pixels. */
  readonly labelColumn: string;
}

/** Values of samples as the model takes them, one after the other, and the names of their classes. */
export interface NamedSamples {
  readonly values: Uint8Array | Float32Array;
  readonly texts: readonly string[];
}

/** The dataset of samples: they are in its part `reading.part`, and the other one is empty. @param place what errors call it */
export function datasetOfKnown(
  place: string,
  name: string,
  { values, texts }: NamedSamples,
  known: Known,
  reading: KnownReading,
  notes: string[],
): Dataset {
  const { inputs, classes } = known;
  const shape: ImageShape =
    inputs.kind === 'image' ? inputs.shape : { width: columnsWidth(inputs.columns), height: 1, channels: 1 };
  const samples = labelled(place, { values, texts }, imageSize(shape), known, reading, notes);
  const empty = labelled(place, { values: values.subarray(0, 0), texts: [] }, imageSize(shape), known, reading, []);
  const [train, test] = reading.part === 'train' ? [samples, empty] : [empty, samples];
  const data = assembleDataset(name, shape, classes, train, test, [], { inputs });
  // That classes have no samples here is nothing odd.
  return { ...data, notes };
}

/** Samples of known classes, in memory that threads share. */
function labelled(
  place: string,
  { values, texts }: NamedSamples,
  size: number,
  { classes }: Known,
  { unknown }: KnownReading,
  notes: string[],
): Samples {
  const places = new Map(classes.map((name, label) => [labelText(name), label]));
  const strange = new Map<string, number>();
  const kept = texts.flatMap((text, i) => {
    if (places.has(text)) return [i];
    strange.set(text, (strange.get(text) ?? 0) + 1);
    return [];
  });
  if (strange.size > 0) {
    const named = [...strange]
      .slice(0, 5)
      .map(([text, count]) => `${text} (${count})`)
      .join(', ');
    const what = `${place}: ${texts.length - kept.length} of ${texts.length} samples are of classes that are not known: ${named}${strange.size > 5 ? ` and ${strange.size - 5} more` : ''}`;
    if (unknown === 'refuse' || kept.length === 0)
      throw new PffError('data', what, {
        hint: `Known are ${classes.slice(0, 20).join(', ')}${classes.length > 20 ? ` and ${classes.length - 20} more` : ''}.`,
      });
    notes.push(`${what}; they are left out`);
  }
  const all = kept.length === texts.length;
  const images = values instanceof Uint8Array ? sharedBytes(kept.length * size) : sharedFloats(kept.length * size);
  if (all) images.set(values);
  else kept.forEach((from, to) => images.set(values.subarray(from * size, (from + 1) * size), to * size));
  const labels = kept.map((i) => places.get(texts[i] as string) as number);
  return {
    count: kept.length,
    images,
    labels: labels.length === 0 ? sharedLabels(0, classes.length) : sharedLabelsFrom(labels, classes.length),
  };
}

/** Rows as the network takes them. */
export function encoded(
  file: string,
  rows: readonly FileRow[],
  inputs: Inputs,
  { missing }: KnownReading,
  notes: string[],
): NamedSamples {
  const fills = inputs.kind === 'columns' && inputs.fill;
  const kept = rows.filter(
    ({ cells, truth }) => missing !== 'drop' || (truth !== undefined && (fills || !cells.includes(null))),
  );
  if (kept.length < rows.length)
    notes.push(
      `${file}: ${rows.length - kept.length} of ${rows.length} rows were left out, as cells of theirs are empty`,
    );
  const without = kept.find(({ truth }) => truth === undefined);
  if (without !== undefined)
    throw new PffError('data', `${file}: row ${without.place} says no class`, {
      hint: 'Give a table with the column of the classes, filled in every row, as the one that was trained on.',
    });
  const size = inputs.kind === 'columns' ? columnsWidth(inputs.columns) : imageSize(inputs.shape);
  const values = inputs.kind === 'columns' ? new Float32Array(kept.length * size) : new Uint8Array(kept.length * size);
  kept.forEach(({ place, cells }, i) => {
    const out = values.subarray(i * size, (i + 1) * size);
    try {
      if (inputs.kind === 'columns' && out instanceof Float32Array) encodeRow(inputs, cells, out);
      else cells.forEach((cell, p) => (out[p] = pixelOf(cell, p, inputs)));
    } catch (error) {
      if (!(error instanceof PffError)) throw error;
      throw new PffError(error.code, `${file}: row ${place}, ${error.message}`, {
        hint: error.hint ?? '',
        cause: error,
      });
    }
  });
  return { values, texts: kept.map(({ truth }) => truth as string) };
}

function pixelOf(cell: Cell, place: number, inputs: Inputs): number {
  const value = cell === null ? Number.NaN : Number(cell);
  const range = inputs.kind === 'image' ? inputs.range : undefined;
  if (range && fitsRange(value, range)) return byteOf(value, range);
  if (range || !(Number.isInteger(value) && value >= 0 && value <= 255))
    throw new PffError(
      'data',
      `value ${place + 1}: ${JSON.stringify(cell)} is no pixel ${range ? `as those of training, from ${range[0]} to ${range[1]}` : 'from 0 to 255'}`,
      {
        hint: 'Give rows of pixels, as those that were trained on.',
      },
    );
  return value;
}

export function notColumns(place: string, columns: number): PffError {
  return new PffError('data', `${place} has images, but rows of ${columns} columns are taken`, {
    hint: 'Give a table with the columns that were trained on.',
  });
}
