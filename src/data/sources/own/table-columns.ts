/** Columns of tables: which one is the class, which may be learned from, and where they are in another table. */
import { PffError } from '../../../errors.js';
import { toNumber, type Cell } from '../../columns.js';
import { likelyLabel } from '../../readers/label-names.js';
import { placeOf, type RawTable } from '../../readers/table.js';

/** Columns that are named in a message. */
const NAMED = 3;

/** The name of the label's column. */
export function labelOf(table: RawTable, asked: string): string {
  const { columns, name } = table;
  if (columns.length < 2)
    throw new PffError('data', `${name}: has one column only, ${columns[0]}`, {
      hint: 'Give columns to learn from beside the label; another delimiter than , ; tab and | is not read.',
    });
  const found =
    asked === ''
      ? (likelyLabel(columns) ?? columns.at(-1))
      : (columns.find((column) => column === asked) ??
        columns.find((column) => column.toLowerCase() === asked.toLowerCase()) ??
        (/^-?\d+$/.test(asked) ? columnAt(table, Number(asked)) : undefined));
  if (found === undefined)
    throw new PffError('data', `${name}: has no column ${asked}`, {
      hint: `Its columns are ${listed(columns, 40)}; --label-column takes a name, or a place counted from 1.`,
    });
  return found;
}

/** The column at a place: from 1 on as the file has them, those that were left out, too; from -1 backwards of those that are left. */
function columnAt({ columns, columnPlaces }: RawTable, place: number): string | undefined {
  if (place <= 0) return place < 0 ? columns.at(place) : undefined;
  return columns[columnPlaces ? columnPlaces.indexOf(place - 1) : place - 1];
}

/** Names of the columns that may be learned from. @param ignored names, parted by commas. @throws PffError `data` */
export function usableColumns(table: RawTable, label: string, ignored: string, notes: string[]): string[] {
  const { columns, rows, name } = table;
  const left = new Set(
    ignored
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean),
  );
  const unknown = [...left].filter((each) => !columns.includes(each));
  if (unknown.length > 0)
    throw new PffError('data', `${name}: has no column ${unknown.join(', ')} to ignore`, {
      hint: `Its columns are ${listed(columns, 40)}.`,
    });
  const kept = columns.filter((column, i) => {
    if (column === label || left.has(column)) return false;
    const cells = rows.map((row) => row[i] ?? null);
    const why = cells.every((cell) => cell === null)
      ? 'it is empty'
      : numbersRows(cells)
        ? 'it only numbers the rows'
        : undefined;
    if (why !== undefined) notes.push(`column ${column} was left out: ${why}`);
    return why === undefined;
  });
  // Of two columns with one name, which one is meant could not be told.
  for (const column of [label, ...kept]) placeOf(table, column);
  return kept;
}

/** Whole numbers that go up by one from row to row. */
function numbersRows(cells: readonly Cell[]): boolean {
  const first = asNumber(cells[0] ?? null);
  return cells.length >= 10 && Number.isInteger(first) && cells.every((cell, row) => asNumber(cell) === first + row);
}

/**
 * Where columns of the training table are in another one, or in itself: by their names where both have names, else by their places.
 * @throws PffError `data` where it lacks some, or two have one name
 */
export function placesIn(table: RawTable, train: RawTable, wanted: readonly string[]): number[] {
  const inTrain = wanted.map((column) => placeOf(train, column));
  if (table === train) return inTrain;
  const places =
    table.hasNames && train.hasNames ? wanted.map((column) => placeOf(table, column)) : byPlace(table, train, inTrain);
  const absent = wanted.filter((_, i) => !((places[i] ?? -1) >= 0));
  if (absent.length > 0)
    throw new PffError('data', `${table.name}: has no column ${listed(absent, NAMED)}`, {
      hint: `It needs the columns of ${train.name}.`,
    });
  return places;
}

/** A file without names has all columns of the training file, or only those that are used of it. */
function byPlace({ columns }: RawTable, train: RawTable, inTrain: readonly number[]): number[] {
  const inFile = inTrain.map((i) => train.columnPlaces?.[i] ?? i);
  if (inFile.every((place) => place < columns.length)) return inFile;
  return columns.length === train.columns.length
    ? [...inTrain]
    : inFile.map((place) => (place < columns.length ? place : -1));
}

/** A cell as a number, NaN where it is none. */
export function asNumber(cell: Cell): number {
  return typeof cell === 'number' ? cell : cell === null ? Number.NaN : toNumber(cell);
}

/** Names, the first `most` of them. */
export function listed(names: readonly string[], most: number): string {
  return names.slice(0, most).join(', ') + (names.length > most ? ` and ${names.length - most} more` : '');
}
