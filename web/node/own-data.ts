/**
 * Data of the user's own for a federated run: a table, or a folder with a folder of images for each class. Read here, as a node on
 * another machine reads them, by the same code: same files, same bits. Nothing of them leaves this worker but what training makes of them.
 */
import type { Dataset } from '../../src/data/dataset.js';
import { fileKind, startsWith } from '../../src/data/readers/file-kind.js';
import { partsOf, pixelsOf, type ImageTree } from '../../src/data/readers/image-folders.js';
import { IMAGE_NAMES } from '../../src/data/readers/image-bytes.js';
import { labelText } from '../../src/data/readers/classes.js';
import {
  datasetOfKnown,
  encoded,
  notColumns,
  type Known,
  type KnownReading,
} from '../../src/data/readers/known-samples.js';
import { rowsForInputs } from '../../src/data/readers/rows-for-inputs.js';
import { messageOf, PffError } from '../../src/errors.js';
import { unpackedLimit } from '../../src/formats/limits.js';
import type { RunRecord } from '../../src/store/cluster/run-record.js';

/** A picked file, with its place below the folder that was picked. */
export interface PickedFile {
  readonly path: string;
  readonly file: File;
}

/** @throws PffError `data` naming file, row and column; for a class that is none of the run's */
export async function ownData(files: readonly PickedFile[], { spec, dataset, run }: RunRecord): Promise<Dataset> {
  const { inputs, classes } = dataset;
  if (!inputs)
    throw new PffError('cluster', `run ${run} does not say how data of one's own are read`, {
      hint: 'Ask who submitted it.',
    });
  const [first] = files;
  if (!first) throw new PffError('data', 'no file was picked', { hint: 'Pick a table, or a folder of images.' });
  const known: Known = { inputs, classes };
  const reading: KnownReading = {
    part: 'train',
    unknown: 'refuse',
    missing: spec.missing,
    labelColumn: spec.labelColumn,
  };
  const notes: string[] = [];
  const isTable = files.length === 1 && !IMAGE_NAMES.test(first.path);
  const [place = first.path] = isTable ? [first.path] : first.path.split('/');
  const samples = isTable
    ? await fromTable(first, known, reading, notes)
    : await fromImages(place, files, known, notes);
  return datasetOfKnown(place, place, samples, known, reading, notes);
}

async function fromTable({ path, file }: PickedFile, { inputs }: Known, reading: KnownReading, notes: string[]) {
  const bytes = await unpackedBytes(file, path);
  const kind = fileKind(bytes, path);
  if (kind === 'npz' || kind === 'npy')
    throw new PffError('data', `${path} holds arrays, which are not read in a browser`, {
      hint: 'Pick a table (CSV, TSV, JSON lines, Parquet), or use pff node.',
    });
  const rows = await rowsForInputs({ kind, bytes }, path, inputs, reading.labelColumn);
  return encoded(path, rows, inputs, reading, notes);
}

async function fromImages(folder: string, picked: readonly PickedFile[], { inputs }: Known, notes: string[]) {
  if (inputs.kind === 'columns') throw notColumns(folder, inputs.columns.length);
  const files = new Map(picked.map(({ path, file }) => [path, file]));
  const { train } = partsOf(folder, notes, pickedTree([...files.keys()]));
  const read = async (path: string): Promise<Uint8Array> => bytesOf(files.get(path) as File, path);
  const values = await pixelsOf(train, inputs.shape, true, read);
  return { values, texts: train.map(({ label }) => labelText(label)) };
}

/** Folders as the browser tells them: by the paths of the files in them. */
function pickedTree(paths: readonly string[]): ImageTree {
  return {
    join: (...names) => names.join('/'),
    contents(folder, notes) {
      const below = paths.flatMap((path) => (path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1)] : []));
      const names = [...new Set(below.map((path) => path.split('/')[0] as string))].sort();
      const hidden = names.filter((name) => name.startsWith('.'));
      if (hidden.length > 0) notes.push(`${folder}: ${hidden.join(', ')} is hidden and was left out`);
      const files = new Set(below);
      const shown = names.filter((name) => !name.startsWith('.'));
      return { folders: shown.filter((name) => !files.has(name)), files: shown.filter((name) => files.has(name)) };
    },
  };
}

async function bytesOf(file: Blob, path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new PffError('data', `${path} cannot be read: ${messageOf(error)}`, { hint: 'Pick it again.', cause: error });
  }
}

async function unpackedBytes(file: File, path: string): Promise<Uint8Array> {
  const packed = await bytesOf(file, path);
  if (!startsWith(packed, [0x1f, 0x8b])) return packed;
  const most = unpackedLimit(packed.length);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = file.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > most) throw new Error(`it unpacks to more than ${most} bytes`);
      pieces.push(value);
    }
  } catch (error) {
    throw new PffError('data', `${path}: truncated or damaged gzip file (${messageOf(error)})`, {
      hint: 'Pick another.',
    });
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
