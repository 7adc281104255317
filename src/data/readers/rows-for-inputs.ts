/** Rows of a file for a model that there is: which of its columns are the model's, and which one, if any, has the true classes. */
import { PffError } from '../../errors.js';
import type { Cell, ColumnInputs, Inputs, PixelInputs } from '../columns.js';
import { imageSize } from '../dataset.js';
import { labelText } from './classes.js';
import { isNumber } from './csv-header.js';
import { withPoint } from './decimal-commas.js';
import type { FoundFile, TableKind } from './file-kind.js';
import { classIn, placeOf, readRawTable, type RawTable } from './table.js';

/** A row of a file in the order of the model's columns. */
export interface FileRow {
  /** Its line in the file, or its number from 1. */
  readonly place: number;
  readonly cells: readonly Cell[];
  /** The class that the file says, if it does. */
  readonly truth: string | undefined;
}

/** A table, and the place in it of each column that a model takes. */
interface Found {
  readonly table: RawTable;
  readonly columns: readonly number[];
  /** The name of the column with the classes. */
  readonly label: string;
}

type TableFile = FoundFile & { readonly kind: TableKind };

/**
 * Reads the rows of a table: columns by their names where the file has names, else in the order of the model's. A column that is empty in
 * this file is one of empty cells.
 * @param given the column with the classes, where images are rows: by default the one that the model was trained with.
 * @throws PffError `data` where it lacks columns
 */
export async function rowsForInputs(file: TableFile, name: string, inputs: Inputs, given = ''): Promise<FileRow[]> {
  const { table, columns, label } = await (inputs.kind === 'columns'
    ? columnsOf(file, name, inputs)
    : pixelsOf(file, name, inputs, given));
  const truth = table.columns.indexOf(label);
  return table.rows.map((row, i) => ({
    place: table.places[i] as number,
    cells: pointed(
      columns.map((column) => row[column] ?? null),
      table,
      inputs,
    ),
    truth: truth < 0 || columns.includes(truth) ? undefined : textOf(classIn(table, i, truth)),
  }));
}

async function pixelsOf(file: TableFile, name: string, inputs: PixelInputs, given: string): Promise<Found> {
  const { shape } = inputs;
  const likely = [given, inputs.label ?? '', 'label'].filter(Boolean);
  const table = await readRawTable(file, name, { least: 1, whole: true, ...labelPlace(likely[0] ?? 'label') });
  // Another file may call it as most do.
  const label =
    (table.hasNames ? likely.find((column) => table.columns.includes(column)) : undefined) ?? likely[0] ?? 'label';
  // Columns without names are called by their places, the label's among them.
  const wanted = Array.from({ length: imageSize(shape) + 1 }, (_, i) => String(i + 1))
    .filter((column) => column !== label)
    .slice(0, imageSize(shape));
  return { table, columns: inOrder(table, wanted, label), label };
}

async function columnsOf(file: TableFile, name: string, inputs: ColumnInputs): Promise<Found> {
  const { label } = inputs;
  const wanted = inputs.columns.map((column) => column.name);
  const named = await readRawTable(file, name, { header: true, least: 1, whole: true });
  const there = new Set(named.columns);
  const isThere = (column: string): boolean => there.has(column);
  const numbered = [label, ...wanted].every((column) => /^[1-9]\d*$/.test(column));
  const byName = (): Found => ({ table: named, columns: wanted.map((column) => placeOf(named, column)), label });
  if (file.kind !== 'delimited') {
    if (wanted.every(isThere)) return byName();
    // Columns without names are called by their places.
    if (numbered) return { table: named, columns: inOrder(named, wanted, label), label };
    throw lacking(named, wanted, label);
  }
  // A row of a file without names may have the very numbers that columns are called by.
  const names = [label, ...wanted].filter((column) => !isNumber(column));
  if (wanted.every(isThere) && !numbered) return byName();
  if (names.some(isThere)) throw lacking(named, wanted, label);
  const plain = await readRawTable(file, name, { header: false, least: 1, whole: true });
  const columns = inOrder(plain, wanted, label);
  const first = pointed(
    columns.map((column) => plain.rows[0]?.[column] ?? null),
    plain,
    inputs,
  );
  const isNumbered = plain.rows.length > 1 && numbered && first.every((cell, i) => cell === wanted[i]);
  if (!isNumbered && isRow(first, inputs)) return { table: plain, columns, label };
  if (!numbered) throw lacking(named, wanted, label);
  return { table: withoutFirst(plain), columns, label };
}

/** Cells of the model's columns: numbers that have commas get points, where cells are parted by something else. */
function pointed(cells: readonly Cell[], { decimalCommas }: RawTable, inputs: Inputs): readonly Cell[] {
  if (!decimalCommas || inputs.kind !== 'columns') return cells;
  return cells.map((cell, i) => (inputs.columns[i]?.kind === 'number' ? withPoint(cell) : cell));
}

function withoutFirst(table: RawTable): RawTable {
  const { rows, places } = table;
  return {
    ...table,
    rows: rows.slice(1),
    places: places.slice(1),
    classAt: (row, column) => classIn(table, row + 1, column),
  };
}

/** Whether cells are a row rather than names: a number where the model takes one, a text that it knows, or nothing at all. */
function isRow(cells: readonly Cell[], { columns }: ColumnInputs): boolean {
  const known = cells.some((cell, i) => {
    const column = columns[i];
    if (cell === null || column === undefined) return false;
    return column.kind === 'number' ? isNumber(String(cell)) : column.values.includes(String(cell));
  });
  return known || cells.every((cell) => cell === null);
}

/** Places of a file's columns in the model's order. @throws PffError `data` where there are fewer or more */
function inOrder(table: RawTable, wanted: readonly string[], label: string): number[] {
  const { columns, hasNames, rows } = table;
  const others = columns.flatMap((column, i) => (hasNames && column === label ? [] : [i]));
  if (others.length === wanted.length) return others;
  // A file without names, like the one that was trained on, its label included.
  if (!hasNames && columns.length > wanted.length && [label, ...wanted].every((column) => columns.includes(column)))
    return wanted.map((column) => columns.indexOf(column));
  const filled = others.filter((column) => rows.some((row) => (row[column] ?? null) !== null));
  if (filled.length === wanted.length) return filled;
  throw lacking(table, wanted, label);
}

function lacking({ name, columns, hasNames }: RawTable, wanted: readonly string[], label: string): PffError {
  const missing = wanted.filter((column) => !columns.includes(column));
  const count = columns.filter((column) => !hasNames || column !== label).length;
  const absent = missing.slice(0, 5).join(', ');
  const found =
    hasNames && count === wanted.length
      ? `has no column ${absent}, which the model takes`
      : `has ${count} columns, but the model takes ${wanted.length}${hasNames ? `, and ${absent} ${missing.length === 1 ? 'is' : 'are'} not among them` : ''}`;
  return new PffError('data', `${name}: ${found}`, {
    hint: `Its columns are ${wanted.slice(0, 20).join(', ')}; others are passed over where there is a header.`,
  });
}

function textOf(cell: Cell): string | undefined {
  return cell === null ? undefined : labelText(cell);
}

/** A label's column that had no name was called by its place, which tells where the classes are in a file without a header. */
function labelPlace(label: string): { readonly label?: number } {
  return /^\d+$/.test(label) ? { label: Number(label) - 1 } : {};
}
