/** A dataset from CSV: a row a sample, columns of numbers, and one column that is the class. */
import path from 'node:path';
import { PffError } from '../../errors.js';
import { checkOptions } from '../../known-options.js';
import type { Dataset } from '../dataset.js';
import { datasetFromArrays, type OwnData } from '../arrays.js';
import { isNumber } from '../readers/csv-header.js';
import { readTable, type Table, type TableOptions } from '../readers/csv-table.js';
import { decodedText } from '../readers/table.js';
import { readBytes } from './files.js';

/** How to read a table: which column is the label, and how many rows are set aside for testing. */
export interface CsvOptions extends Pick<OwnData, 'testShare' | 'splitSeed'>, TableOptions {
  /** Name of the label's column (if there is a header), or its number from 0; by default the last that is not empty. */
  readonly label?: string | number | undefined;
  /** What errors and results call the dataset; by default the file's name. */
  readonly name?: string | undefined;
}

/**
 * Reads a CSV file (or `.csv.gz`, `.tsv`); see `datasetFromCsv`. @throws PffError `data`
 * @deprecated `loadData` reads the same files in full precision, scales columns by the training rows alone, takes texts and empty
 * cells, and its models take rows as they are in the file. This one keeps 8 bits a column, for data sets that were made with it.
 */
export async function loadCsv(file: string, options: CsvOptions = {}): Promise<Dataset> {
  checkOptions('loadCsv', options, {
    label: true,
    name: true,
    testShare: true,
    splitSeed: true,
    delimiter: true,
    header: true,
  });
  const text = decodedText(await readBytes(file), file);
  return datasetFromCsv(text, { name: path.basename(file).replace(/\.[ct]sv(\.gz)?$/, ''), ...options });
}

/** A CSV file of so many different labels has some other column for them. */
const MOST_CLASSES = 256;

/**
 * The rows of a table (RFC 4180, with its delimiter told from the first line) as samples of 1 x columns values. Each column is
 * scaled by its own least and most value to bytes 0 … 255. Classes are the label column's values, sorted. Empty columns and such
 * as only number the rows are left out.
 * @throws PffError `data`, naming row (by its line in the file) and column.
 */
export function datasetFromCsv(text: string, options: CsvOptions = {}): Dataset {
  const name = options.name ?? 'csv';
  const table = readTable(text, name, options);
  const label = labelColumn(table, name, options.label);
  const columns = table.columns.map((_, i) => i).filter((i) => i !== label);
  const labels = labelsOf(table, label, name);
  const values = table.rows.map((cells, row) => columns.map((i) => numberIn(table, name, cells, row, i)));
  const numbers = [...new Set(labels)];
  const classes = numbers.sort((a, b) => (isNumber(a) && isNumber(b) ? Number(a) - Number(b) : a < b ? -1 : 1));
  const place = new Map(classes.map((each, i) => [each, i]));
  const images = new Uint8Array(values.length * columns.length);
  const notes = [...table.notes];
  columns.forEach((of, column) => {
    const cells = values.map((row) => row[column] as number);
    const least = cells.reduce((a, b) => Math.min(a, b));
    const range = cells.reduce((a, b) => Math.max(a, b)) - least;
    cells.forEach((cell, row) => {
      images[row * columns.length + column] = range === 0 ? 0 : Math.round(((cell - least) / range) * 255);
    });
    const odd = oddScale(cells, images, column, columns.length);
    if (odd !== undefined) notes.push(`column ${table.columns[of]}: ${odd}`);
  });
  return datasetFromArrays({
    name,
    shape: { width: columns.length, height: 1, channels: 1 },
    classes,
    train: { images, labels: labels.map((each) => place.get(each) as number) },
    testShare: options.testShare,
    splitSeed: options.splitSeed,
    notes,
  });
}

function labelColumn({ columns }: Table, name: string, asked: string | number | undefined): number {
  const label = asked === undefined ? columns.length - 1 : typeof asked === 'number' ? asked : columns.indexOf(asked);
  if (!(Number.isInteger(label) && label >= 0 && label < columns.length))
    throw new PffError('data', `${name}: has no column ${asked}`, { hint: `Its columns are ${columns.join(', ')}.` });
  if (columns.length < 2)
    throw new PffError('data', `${name}: has one column only, ${columns[0]}`, {
      hint: 'Give columns of numbers beside the label; another delimiter than , ; tab and | is named by delimiter.',
    });
  return label;
}

/** The labels' texts; numbers in one form, since 1 and 1.0 are one class. */
function labelsOf({ rows, lines, columns }: Table, label: number, name: string): string[] {
  const texts = rows.map((cells) => cells[label] as string);
  const fail = (found: string, hint: string): never => {
    throw new PffError('data', `${name}: ${found}`, { hint });
  };
  const empty = texts.flatMap((text, row) => (text === '' ? [lines[row]] : []));
  if (empty.length > 0)
    fail(
      `${empty.length} rows have no label in column ${columns[label]}, the first in row ${empty[0]}`,
      'Fill the cells, or leave these rows out.',
    );
  if (!texts.every(isNumber)) return texts.length > 0 ? checked(texts) : texts;
  const numbers = texts.map(Number);
  const distinct = new Set(numbers);
  if (distinct.size > 20 && numbers.some((value) => !Number.isInteger(value)))
    fail(
      `column ${columns[label]} has ${distinct.size} different numbers, not all of them whole: these are values, not classes`,
      'Name the column of the classes by label, or cut the values into a few ranges first.',
    );
  return checked(numbers.map(String));

  function checked(all: string[]): string[] {
    const seen = new Set<string>();
    for (const each of all) {
      seen.add(each);
      if (seen.size > MOST_CLASSES)
        fail(
          `column ${columns[label]} has more than ${MOST_CLASSES} different values, and there can be at most so many classes`,
          'Name the column of the classes by label.',
        );
    }
    if (seen.size < 2)
      fail(`column ${columns[label]} has one class only, ${all[0]}`, 'Give samples of two classes or more.');
    return all;
  }
}

function numberIn({ columns, lines }: Table, name: string, cells: readonly string[], row: number, i: number): number {
  const cell = cells[i] as string;
  if (!isNumber(cell))
    throw new PffError(
      'data',
      cell === ''
        ? `${name}: row ${lines[row]}, column ${columns[i]}: the cell is empty`
        : `${name}: row ${lines[row]}, column ${columns[i]}: ${JSON.stringify(cell.slice(0, 100))} is no number`,
      {
        hint: 'Only the label may be text: give words as numbers or as columns of 0 and 1, and fill or leave out what is missing.',
      },
    );
  return Number(cell);
}

/** A column whose least or most value is so far off that all others fall on a few of the 256 levels. */
function oddScale(cells: readonly number[], images: Uint8Array, column: number, width: number): string | undefined {
  const levels = new Set(cells.map((_, row) => images[row * width + column]));
  const different = new Set(cells).size;
  if (different < 20 || levels.size > 4) return undefined;
  return `its ${different} different values fall on ${levels.size} of 256 levels, because some lie far from the others`;
}
