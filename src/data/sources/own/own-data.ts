/** Data of one's own, whatever they are: the entry of `--data`. Node.js only. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { PffError } from '../../../errors.js';
import type { Dataset } from '../../dataset.js';
import { loadIdx } from '../idx.js';
import { arraysOfArchive, arraysOfFolder, datasetFromNumpy } from './arrays.js';
import { datasetFromImages } from './image-tree.js';
import { partFile, READABLE, type TableKind } from '../../readers/file-kind.js';
import { folderKind, openFile } from './kind.js';
import type { Parts } from '../../readers/parts.js';
import { withParts } from './pixel-data.js';
import { parsePlace, type Place } from './place.js';
import type { Reading } from '../../readers/reading.js';
import { readRawTable, type RawTable, type RawTableOptions } from '../../readers/table.js';
import { datasetFromTables } from './table-data.js';

/**
 * Loads what lies at `text`, a place (place.ts); its kind is told from the content.
 * @throws PffError `data` naming the file and what is wrong with it.
 */
export async function loadOwnData(text: string, reading: Reading): Promise<Dataset> {
  const place = parsePlace(text);
  for (const each of [place.data, place.test, place.validation])
    if (each !== undefined && !existsSync(each))
      throw new PffError('data', `there is no file or folder ${each}`, { hint: `Name one by --data: ${READABLE}.` });
  if (statSync(place.data).isDirectory()) return fromFolder(place, reading);
  const { data } = place;
  const found = await openFile(data);
  const name = nameOf(data);
  if (found.kind === 'npz') {
    refuseFiles(place, 'An archive has its parts in it: x_test and y_test, x_val and y_val.');
    return datasetFromNumpy(name, data, await arraysOfArchive(found.bytes, data), reading);
  }
  if (found.kind === 'npy')
    throw new PffError('data', `${data} is one array, and its labels are missing`, {
      hint: 'Name the folder, with x_train.npy and y_train.npy in it.',
    });
  return datasetFromTables(name, await tables(place, reading), reading);
}

/** Reads the file of a table. @throws PffError `data` where it is something else. */
export async function openTable(file: string, options: RawTableOptions = {}): Promise<RawTable> {
  const { kind, bytes } = await openFile(file);
  if (kind === 'npz' || kind === 'npy')
    throw new PffError('data', `${file} holds arrays, but a table was expected`, {
      hint: 'Give CSV, TSV, JSON lines or Parquet.',
    });
  return readRawTable({ kind: kind satisfies TableKind, bytes }, file, options);
}

/** A label's place, from 1, becomes an index, for which no header is needed; one from the end says nothing of the header. */
function placeOrName(label: string): string | number | undefined {
  return label === '' || /^-\d+$/.test(label) ? undefined : /^\d+$/.test(label) ? Number(label) - 1 : label;
}

async function tables({ data, test, validation }: Place, { labelColumn }: Reading): Promise<Parts<RawTable>> {
  const label = placeOrName(labelColumn);
  const train = await openTable(data, { label });
  // A column that is empty there has empty cells: only what is trained on says which columns there are.
  const held = (file: string | undefined): Promise<RawTable> | undefined =>
    file === undefined ? undefined : openTable(file, { label, whole: true });
  return { train, test: await held(test), validation: await held(validation) };
}

async function fromFolder(place: Place, reading: Reading): Promise<Dataset> {
  const folder = place.data;
  const kind = folderKind(folder);
  const name = path.basename(path.resolve(folder));
  if (kind === 'tables') {
    const files = readdirSync(folder);
    const file = (part: 'train' | 'validation' | 'test'): string | undefined => {
      const found = partFile(files, part);
      return found === undefined ? undefined : path.join(folder, found);
    };
    const data = file('train') as string;
    const parts = { data, test: place.test ?? file('test'), validation: place.validation ?? file('validation') };
    return datasetFromTables(name, await tables(parts, reading), reading);
  }
  refuseFiles(place, 'A folder has its parts in it: train, val, test.');
  if (kind === 'images') return datasetFromImages(folder, reading);
  if (kind === 'arrays') return datasetFromNumpy(name, folder, await arraysOfFolder(folder), reading);
  const { train, test, shape, classes, notes } = await loadIdx(folder);
  return withParts(
    { name, shape, classes, notes: notes ?? [], inputs: { kind: 'image', shape } },
    { train, test },
    reading,
  );
}

function refuseFiles({ test, validation }: Place, hint: string): void {
  const given = test ?? validation;
  if (given !== undefined) throw new PffError('usage', `${given} was given beside data that are no table`, { hint });
}

function nameOf(file: string): string {
  return path.basename(file).replace(/(\.(csv|tsv|txt|jsonl|ndjson|json|parquet|npz))?(\.gz)?$/i, '') || 'data';
}
