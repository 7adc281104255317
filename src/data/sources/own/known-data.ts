/**
 * Data of one's own as a model that there is takes them: columns by their names, scaled as in its training, classes by their names.
 * What it is evaluated on, and what the shards of a federated run hold. Node.js only.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { PffError } from '../../../errors.js';
import { assembleDataset } from '../../assemble.js';
import { columnsWidth, encodeRow, type Cell, type Inputs } from '../../columns.js';
import { imageSize, sharedBytes, sharedFloats, type Dataset, type ImageShape, type Samples } from '../../dataset.js';
import { sharedLabels, sharedLabelsFrom } from '../../label-array.js';
import { readBytes } from '../files.js';
import { loadIdx } from '../idx.js';
import { arraysOfArchive, arraysOfFolder, knownArrays, type KnownArrays } from './arrays.js';
import { labelText } from './classes.js';
import { partsOf, pixelsOf } from './image-tree.js';
import { folderKind, foundIn, partFile, type FoundFile, READABLE } from './kind.js';
import { parsePlace } from './place.js';
import { rowsForInputs, type FileRow } from './rows-for-inputs.js';
import type { RawTable } from './table.js';

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
interface NamedSamples {
  readonly values: Uint8Array | Float32Array;
  readonly texts: readonly string[];
}

/**
 * Reads a file or folder. The dataset has the samples in its part `reading.part`; the other one is empty.
 * @throws PffError `data` naming file, row and column; for classes that are not known, where they are refused; where nothing is left.
 */
export async function loadKnownData(place: string, known: Known, reading: KnownReading): Promise<Dataset> {
  if (!existsSync(place))
    throw new PffError('data', `there is no file or folder ${place}`, { hint: `Name one: ${READABLE}.` });
  const notes: string[] = [];
  const { values, texts } = await namedSamples(place, known, reading, notes);
  const { inputs, classes } = known;
  const shape: ImageShape =
    inputs.kind === 'image' ? inputs.shape : { width: columnsWidth(inputs.columns), height: 1, channels: 1 };
  const samples = labelled(place, { values, texts }, imageSize(shape), known, reading, notes);
  const empty = labelled(place, { values: values.subarray(0, 0), texts: [] }, imageSize(shape), known, reading, []);
  const [train, test] = reading.part === 'train' ? [samples, empty] : [empty, samples];
  const name = path.basename(path.resolve(place));
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

async function namedSamples(
  place: string,
  known: Known,
  reading: KnownReading,
  notes: string[],
): Promise<NamedSamples> {
  const { part } = reading;
  const { inputs } = known;
  if (!statSync(place).isDirectory())
    return fromFile(place, foundIn(await readBytes(place), place), known, reading, notes);
  const kind = folderKind(place);
  if (kind === 'arrays')
    return fromArrays(place, knownArrays(place, await arraysOfFolder(place), part, inputs), known, reading, notes);
  if (kind === 'tables') {
    const file = path.join(
      place,
      (partFile(readdirSync(place), part) ?? partFile(readdirSync(place), 'train')) as string,
    );
    return fromFile(file, foundIn(await readBytes(file), file), known, reading, notes);
  }
  if (inputs.kind === 'columns') throw notColumns(place, inputs.columns.length);
  const { shape } = inputs;
  if (kind === 'idx') {
    const data = await loadIdx(place, part);
    checkShape(place, data.shape, shape);
    const { images, labels } = data[part];
    return { values: images, texts: Array.from(labels, (label) => labelText(data.classes[label] ?? label)) };
  }
  const parts = partsOf(place, notes);
  const files = parts[part] ?? parts.train;
  return { values: await pixelsOf(files, shape, true), texts: files.map(({ label }) => labelText(label)) };
}

async function fromFile(
  file: string,
  found: FoundFile,
  known: Known,
  reading: KnownReading,
  notes: string[],
): Promise<NamedSamples> {
  if (found.kind === 'npz')
    return fromArrays(
      file,
      knownArrays(file, await arraysOfArchive(found.bytes, file), reading.part, known.inputs),
      known,
      reading,
      notes,
    );
  if (found.kind === 'npy')
    throw new PffError('data', `${file} is one array, and its labels are missing`, {
      hint: 'Name the folder, with x_test.npy and y_test.npy in it.',
    });
  const { inputs } = known;
  const { kind } = found;
  const rows = await rowsForInputs({ ...found, kind }, file, inputs, reading.labelColumn || 'label');
  return encoded(file, rows, inputs, reading, notes);
}

function fromArrays(
  place: string,
  found: KnownArrays,
  { inputs }: Known,
  reading: KnownReading,
  notes: string[],
): NamedSamples {
  if ('table' in found) return encoded(place, rowsOf(found.table, inputs), inputs, reading, notes);
  if (inputs.kind === 'columns') throw notColumns(place, inputs.columns.length);
  checkShape(place, found.shape, inputs.shape);
  return { values: found.images, texts: found.texts };
}

/** Rows of a table that was made of arrays: the label is its last column. */
function rowsOf({ name, rows, places, columns }: RawTable, inputs: Inputs): FileRow[] {
  if (inputs.kind === 'columns' && inputs.columns.length !== columns.length - 1)
    throw new PffError('data', `${name}: has ${columns.length - 1} columns, but ${inputs.columns.length} are taken`, {
      hint: 'Give arrays of the same columns.',
    });
  return rows.map((row, i) => ({
    place: places[i] as number,
    cells: row.slice(0, -1),
    truth: row.at(-1) === null ? undefined : labelText(row.at(-1) as Cell),
  }));
}

/** Rows as the network takes them. */
function encoded(
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
      else cells.forEach((cell, p) => (out[p] = pixelOf(cell, p)));
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

function pixelOf(cell: Cell, place: number): number {
  const value = cell === null ? Number.NaN : Number(cell);
  if (!(Number.isInteger(value) && value >= 0 && value <= 255))
    throw new PffError('data', `value ${place + 1}: ${JSON.stringify(cell)} is no pixel from 0 to 255`, {
      hint: 'Give rows of pixels, as those that were trained on.',
    });
  return value;
}

function notColumns(place: string, columns: number): PffError {
  return new PffError('data', `${place} has images, but rows of ${columns} columns are taken`, {
    hint: 'Give a table with the columns that were trained on.',
  });
}

function checkShape(place: string, found: ImageShape, shape: ImageShape): void {
  const text = ({ width, height, channels }: ImageShape): string => `${width} x ${height} x ${channels}`;
  if (text(found) === text(shape)) return;
  throw new PffError('data', `${place} has images of ${text(found)}, but such of ${text(shape)} are taken`, {
    hint: 'Give images of that size; files of images in folders are scaled to it.',
  });
}

/** What a shard of a federated run trains on: its part to train on, or all of it; every class must be one of the run's. */
export function loadShardData(
  place: string,
  known: Known,
  { missing, labelColumn }: Pick<KnownReading, 'missing' | 'labelColumn'>,
): Promise<Dataset> {
  return loadKnownData(parsePlace(place).data, known, { part: 'train', unknown: 'refuse', missing, labelColumn });
}
