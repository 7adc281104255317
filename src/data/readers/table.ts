/** Tables of one's own in whatever file: rows of cells under names. */
import { messageOf, PffError } from '../../errors.js';
import type { Cell } from '../columns.js';
import type { FoundFile, TableKind } from './file-kind.js';
import { isNoClass, isNothing } from './nothing.js';

export interface RawTable {
  /** What errors call it: the file. */
  readonly name: string;
  readonly columns: readonly string[];
  /** Whether `columns` are names that the file has, or numbers from 1. */
  readonly hasNames: boolean;
  /** Whether commas may stand within numbers, as cells are parted by something else. */
  readonly decimalCommas?: boolean | undefined;
  /** The place of each column in the file, from 0, where some of the file's are left out. */
  readonly columnPlaces?: readonly number[] | undefined;
  /** [rows][columns] */
  readonly rows: readonly (readonly Cell[])[];
  /** A cell as a class, where a text such as `none` may be one; by default as it is in `rows`. */
  readonly classAt?: ((row: number, column: number) => Cell) | undefined;
  /** For errors: the line of the file on which a row ends, or its number from 1. */
  readonly places: readonly number[];
  readonly notes: readonly string[];
}

export interface RawTableOptions {
  /** Whether the first row of a delimited file has names; told from the cells unless given. */
  readonly header?: boolean | undefined;
  /** Name or number (from 0) of the label's column, where it helps to tell whether there is a header. */
  readonly label?: string | number | undefined;
  /** Fewest rows, a header included. */
  readonly least?: number | undefined;
  /** Columns that are empty or only number the rows are there, too: of a file that must fit another one. */
  readonly whole?: boolean | undefined;
}

/** @throws PffError `data` saying where the file is no table */
export async function readRawTable(
  { kind, bytes }: FoundFile & { readonly kind: TableKind },
  name: string,
  options: RawTableOptions = {},
): Promise<RawTable> {
  if (kind === 'parquet') return fromObjects(await parquetRows(bytes, name), name, []);
  const text = decodedText(bytes, name);
  if (kind === 'json') {
    const { objects, places } = jsonRows(text, name);
    return fromObjects(objects, name, places);
  }
  const { least = 3, whole = false, ...how } = options;
  const { readTable, readWholeTable } = await import('./csv-table.js');
  const { columns, columnPlaces, hasHeader, decimalCommas, rows, lines, notes } = (whole ? readWholeTable : readTable)(
    text,
    name,
    how,
    least,
  );
  const cells = rows.map((row) => row.map(cellOf));
  const classAt = (row: number, column: number): Cell => classOf(rows[row]?.[column]);
  return {
    name,
    columns,
    hasNames: hasHeader,
    decimalCommas,
    columnPlaces,
    rows: cells,
    classAt,
    places: lines,
    notes,
  };
}

/** A little less than the longest text that V8 has (2^29 characters). */
const MOST_TEXT_BYTES = 500e6;

/** A table's text. @throws PffError `data` for one that is too long, or whose characters cannot be told: two of them would become the same */
export function decodedText(bytes: Uint8Array, name: string): string {
  if (bytes.length > MOST_TEXT_BYTES)
    throw new PffError('data', `${name}: is a text of ${bytes.length} bytes, and at most ${MOST_TEXT_BYTES} are read`, {
      hint: 'Write the table as Parquet, or give fewer rows.',
    });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PffError('data', `${name}: is no text in UTF-8, so its characters cannot be told`, {
      hint: 'Save the table as UTF-8; iconv -f latin1 -t utf-8 FILE does that for Latin-1.',
      cause: error,
    });
  }
}

/** The place of a column, -1 where there is none. @throws PffError `data` where two have the name */
export function placeOf({ name, columns }: RawTable, column: string): number {
  const place = columns.indexOf(column);
  const again = place < 0 ? -1 : columns.indexOf(column, place + 1);
  if (again < 0) return place;
  throw new PffError('data', `${name}: columns ${place + 1} and ${again + 1} are both called ${column}`, {
    hint: 'Give each column a name of its own; --ignore-columns leaves out all columns of a name.',
  });
}

/** The class in a row of a table; null where it has none. */
export function classIn(table: RawTable, row: number, column: number): Cell {
  return table.classAt ? table.classAt(row, column) : (table.rows[row]?.[column] ?? null);
}

function classOf(value: unknown): Cell {
  return typeof value === 'string' && !isNoClass(value) ? value : cellOf(value);
}

/** A cell of a text, of JSON or of Parquet. */
export function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return Number.isNaN(value) ? null : value;
  // A number that f64 cannot hold is a name, such as that of a class.
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  const text = value instanceof Date ? value.toISOString() : typeof value === 'string' ? value : JSON.stringify(value);
  return isNothing(text) ? null : text;
}

type Row = Readonly<Record<string, unknown>>;

async function parquetRows(bytes: Uint8Array, name: string): Promise<Row[]> {
  try {
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    // Loaded only where they are needed: they make a third of a program's code.
    const { parquetReadObjects } = await import('hyparquet');
    const { compressors } = await import('hyparquet-compressors');
    return await parquetReadObjects({ file, compressors });
  } catch (error) {
    throw new PffError('data', `${name}: truncated or damaged Parquet file (${messageOf(error)})`, {
      hint: 'Write the file again, or save the table as CSV.',
      cause: error,
    });
  }
}

/** JSON lines, or one array of objects. */
function jsonRows(text: string, name: string): { readonly objects: Row[]; readonly places: number[] } {
  const clean = text.replace(/^\uFEFF/, '');
  // One array, or one object over several lines.
  const whole = clean.trimStart().startsWith('[') || /^\s*\{\s*$/m.test(clean.slice(0, clean.search(/\n|$/)));
  const objects: Row[] = [];
  const places: number[] = [];
  const add = (value: unknown, place: number): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new PffError('data', `${name}: row ${place} is no object of columns`, {
        hint: 'Write each row as {"column": value, …}, one a line.',
      });
    objects.push(value as Row);
    places.push(place);
  };
  if (whole) {
    const all = parsedJson(clean, name, 1);
    (Array.isArray(all) ? all : [all]).forEach((value, i) => add(value, i + 1));
  } else
    clean.split(/\r?\n/).forEach((line, i) => {
      if (line.trim() !== '') add(parsedJson(line, name, i + 1), i + 1);
    });
  return { objects, places };
}

function parsedJson(text: string, name: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PffError('data', `${name}: line ${line} is not JSON (${messageOf(error)})`, {
      hint: 'Write one object a line, or one array of objects.',
      cause: error,
    });
  }
}

/** Columns are those of all rows, in the order in which they appear; a list of numbers is a column for each of them. */
function fromObjects(objects: readonly Row[], name: string, places: readonly number[]): RawTable {
  const flat = objects.map(flattened);
  const columns = [...new Set(flat.flatMap((row) => Object.keys(row)))];
  const valueAt = (row: Row, column: string): unknown => (Object.hasOwn(row, column) ? row[column] : null);
  return {
    name,
    columns,
    hasNames: true,
    rows: flat.map((row) => columns.map((column) => cellOf(valueAt(row, column)))),
    classAt: (row, column) => classOf(valueAt(flat[row] ?? {}, columns[column] ?? '')),
    places: places.length > 0 ? places : flat.map((_, i) => i + 1),
    notes: [],
  };
}

function flattened(row: Row): Row {
  const lists = Object.values(row).some((value) => Array.isArray(value) || ArrayBuffer.isView(value));
  if (!lists) return row;
  return Object.fromEntries(
    Object.entries(row).flatMap(([column, value]) =>
      Array.isArray(value) || ArrayBuffer.isView(value)
        ? Array.from(value as ArrayLike<unknown>, (each, i) => [`${column}.${i + 1}`, each] as const)
        : [[column, value] as const],
    ),
  );
}
