/**
 * Data of one's own as a model that there is takes them: columns by their names, scaled as in its training, classes by their names.
 * What it is evaluated on, and what the shards of a federated run hold. Node.js only.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { PffError } from '../../../errors.js';
import type { Cell, Inputs } from '../../columns.js';
import { imageSize, type Dataset, type ImageShape } from '../../dataset.js';
import { labelText } from '../../readers/classes.js';
import { partFile, READABLE, type FoundFile } from '../../readers/file-kind.js';
import { partsOf, pixelsOf } from '../../readers/image-folders.js';
import {
  datasetOfKnown,
  encoded,
  notColumns,
  type Known,
  type KnownReading,
  type NamedSamples,
} from '../../readers/known-samples.js';
import { rowsForInputs, type FileRow } from '../../readers/rows-for-inputs.js';
import type { RawTable } from '../../readers/table.js';
import { readBytes } from '../files.js';
import { loadIdx } from '../idx.js';
import { arraysOfArchive, arraysOfFolder, knownArrays, type KnownArrays } from './arrays.js';
import { IN_FOLDERS } from './image-tree.js';
import { folderKind, foundIn } from './kind.js';
import { parsePlace } from './place.js';

/**
 * Reads a file or folder. The dataset has the samples in its part `reading.part`; the other one is empty.
 * @throws PffError `data` naming file, row and column; for classes that are not known, where they are refused; where nothing is left.
 */
export async function loadKnownData(place: string, known: Known, reading: KnownReading): Promise<Dataset> {
  if (!existsSync(place))
    throw new PffError('data', `there is no file or folder ${place}`, { hint: `Name one: ${READABLE}.` });
  const notes: string[] = [];
  const { values, texts } = await namedSamples(place, known, reading, notes);
  if (texts.length === 0)
    throw new PffError('data', `${place}: no samples are left`, { hint: 'Give at least one row that has a class.' });
  return datasetOfKnown(place, path.basename(path.resolve(place)), { values, texts }, known, reading, notes);
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
  const parts = partsOf(place, notes, IN_FOLDERS);
  const files = parts[part] ?? parts.train;
  return { values: await pixelsOf(files, shape, true, readBytes), texts: files.map(({ label }) => labelText(label)) };
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
  const rows = await rowsForInputs({ ...found, kind }, file, inputs, reading.labelColumn);
  return encoded(file, rows, inputs, reading, notes);
}

function fromArrays(
  place: string,
  found: KnownArrays,
  { inputs }: Known,
  reading: KnownReading,
  notes: string[],
): NamedSamples {
  if ('table' in found) return encoded(place, rowsOf(found.table, inputs, notes), inputs, reading, notes);
  if (inputs.kind === 'columns') throw notColumns(place, inputs.columns.length);
  // Rows of pixels say nothing of width and height.
  if (!found.areRows || imageSize(found.shape) !== imageSize(inputs.shape))
    checkShape(place, found.shape, inputs.shape);
  return { values: found.images, texts: found.texts };
}

/** Rows of a table that was made of arrays: the label is its last column. */
function rowsOf({ name, rows, places, columns }: RawTable, inputs: Inputs, notes: string[]): FileRow[] {
  const wanted = inputs.kind === 'columns' ? inputs.columns.map((column) => columns.indexOf(column.name)) : [];
  // What is always the same was left out in training, so by name; a model of a table with other names takes them as they come.
  const byName = inputs.kind === 'columns' && !wanted.includes(-1);
  if (inputs.kind === 'columns' && !byName && wanted.length !== columns.length - 1)
    throw new PffError('data', `${name}: has ${columns.length - 1} columns, but ${wanted.length} are taken`, {
      hint: 'Give arrays of the same columns.',
    });
  if (byName && wanted.length < columns.length - 1)
    notes.push(`${name}: ${columns.length - 1 - wanted.length} columns are not taken, as in training`);
  return rows.map((row, i) => ({
    place: places[i] as number,
    cells: byName ? wanted.map((column) => row[column] ?? null) : row.slice(0, -1),
    truth: row.at(-1) === null ? undefined : labelText(row.at(-1) as Cell),
  }));
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
