/** A dataset from CSV: a row a sample, columns of numbers, and one column that is the class. */
import path from 'node:path';
import { PffError } from '../../errors.js';
import type { Dataset } from '../dataset.js';
import { readBytes } from './files.js';
import { datasetFromArrays, type OwnData } from '../arrays.js';

/** How to read a table: which column is the label, and how many rows are set aside for testing. */
export interface CsvOptions extends Pick<OwnData, 'testShare' | 'splitSeed'> {
  /** Name of the label's column (if there is a header), or its number from 0; by default the last. */
  readonly label?: string | number | undefined;
  /** What errors and results call the dataset; by default the file's name. */
  readonly name?: string | undefined;
}

/** Reads a CSV file (or `.csv.gz`); see `datasetFromCsv`. @throws PffError `data` */
export async function loadCsv(file: string, options: CsvOptions = {}): Promise<Dataset> {
  const text = new TextDecoder().decode(await readBytes(file));
  return datasetFromCsv(text, { name: path.basename(file).replace(/\.csv(\.gz)?$/, ''), ...options });
}

/**
 * The rows of a table as samples of 1 x columns values. Each column is scaled by its own least and most value to bytes
 * 0 … 255. Classes are the label column's values, sorted. A first row in which a column has no number is a header.
 * @throws PffError `data`, naming row (from 1) and column.
 */
export function datasetFromCsv(text: string, options: CsvOptions = {}): Dataset {
  const name = options.name ?? 'csv';
  const fail = (found: string, hint: string): never => {
    throw new PffError('data', `${name}: ${found}`, { hint });
  };
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const rows = lines.map(cellsOf);
  const [first] = rows;
  if (first === undefined || rows.length < 3) return fail('has fewer than three rows', 'Give a row for each sample.');
  const asked = options.label ?? first.length - 1;
  const label = typeof asked === 'number' ? asked : first.indexOf(asked);
  if (label < 0 || label >= first.length || first.length < 2)
    return fail(`has no column ${asked}`, `Its columns are ${first.join(', ')}.`);
  const isHeader = typeof asked === 'string' || first.some((cell, i) => i !== label && !isNumber(cell));
  const body = isHeader ? rows.slice(1) : rows;
  const columns = first.map((_, i) => i).filter((i) => i !== label);
  const values = body.map((cells, row) => {
    const line = row + (isHeader ? 2 : 1);
    if (cells.length !== first.length)
      return fail(
        `row ${line} has ${cells.length} cells, but the first has ${first.length}`,
        'Quote cells with commas.',
      );
    return columns.map((i) => {
      const cell = cells[i] as string;
      if (!isNumber(cell))
        fail(`row ${line}, column ${i + 1}: ${JSON.stringify(cell)} is no number`, 'Only the label may be text.');
      return Number(cell);
    });
  });
  const classes = [...new Set(body.map((cells) => cells[label] as string))].sort((a, b) =>
    isNumber(a) && isNumber(b) ? Number(a) - Number(b) : a < b ? -1 : 1,
  );
  const images = new Uint8Array(values.length * columns.length);
  columns.forEach((_, column) => {
    const cells = values.map((row) => row[column] as number);
    const least = cells.reduce((a, b) => Math.min(a, b));
    const range = cells.reduce((a, b) => Math.max(a, b)) - least;
    cells.forEach((cell, row) => {
      images[row * columns.length + column] = range === 0 ? 0 : Math.round(((cell - least) / range) * 255);
    });
  });
  return datasetFromArrays({
    name,
    shape: { width: columns.length, height: 1, channels: 1 },
    classes,
    train: { images, labels: body.map((cells) => classes.indexOf(cells[label] as string)) },
    testShare: options.testShare,
    splitSeed: options.splitSeed,
  });
}

function isNumber(cell: string): boolean {
  return cell.trim() !== '' && Number.isFinite(Number(cell));
}

/** Cells of a line; a cell in double quotes may hold commas, and quotes as two. */
function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:\s*"((?:[^"]|"")*)"\s*|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? (plain ?? '').trim(),
  );
}
