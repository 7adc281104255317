/** A CSV file as a table: its cells, whether its first row is a header, and which columns hold nothing to learn from. */
import { CsvError, parse } from '#platform/csv';
import { messageOf, PffError } from '../../errors.js';
import { guessHeader, type HeaderGuess } from './csv-header.js';
import { withPoint } from './decimal-commas.js';

export interface Table {
  /** Names of the columns, where the file has them; else their numbers from 1. */
  readonly columns: readonly string[];
  readonly hasHeader: boolean;
  /** Whether commas may stand within numbers: cells are parted by something else. */
  readonly decimalCommas: boolean;
  /** The place of each column in the file, from 0. */
  readonly columnPlaces: readonly number[];
  /** [rows][columns] */
  readonly rows: readonly (readonly string[])[];
  /** The line of the file on which each row ends, from 1. */
  readonly lines: readonly number[];
  /** What was left out, for people. */
  readonly notes: readonly string[];
}

export interface TableOptions {
  /** By default the one of comma, semicolon, tab and bar that the first line has most of. */
  readonly delimiter?: string | undefined;
  /** Whether the first row has names; by default it is told from the cells. */
  readonly header?: boolean | undefined;
  /** Name or number (from 0) of the label's column. */
  readonly label?: string | number | undefined;
}

interface Row {
  readonly record: string[];
  readonly info: { readonly lines: number };
}

const DELIMITERS = [',', ';', '\t', '|'];
const MOST_CELL = 1 << 20;

/** The table without columns that are empty or only number the rows. @param least as for `readWholeTable`. @throws PffError as that */
export function readTable(text: string, name: string, options: TableOptions, least = 3): Table {
  return withoutUseless(wholeTable(text, name, options, least), options.label);
}

/**
 * All columns of the table, empty ones, too.
 * @param least fewest rows, a header included. @throws PffError `data` saying on which line the file is no table
 */
export function readWholeTable(text: string, name: string, options: TableOptions, least: number): Table {
  return wholeTable(text, name, options, least);
}

interface WholeTable extends Table {
  /** Cells of the file's first row, whether they are names or not. */
  readonly first: readonly string[];
}

function wholeTable(text: string, name: string, options: TableOptions, least: number): WholeTable {
  const delimiter = options.delimiter ?? likelyDelimiter(text);
  const found = records(text, name, delimiter);
  const width = found[0]?.record.length;
  if (width === undefined || found.length < least)
    throw new PffError('data', `${name}: has fewer than ${least === 3 ? 'three' : least} rows`, {
      hint: 'Give a row for each sample.',
    });
  for (const { record, info } of found)
    if (record.length !== width)
      throw new PffError('data', `${name}: row ${info.lines} has ${record.length} cells, but the first has ${width}`, {
        hint: 'Put cells that hold the delimiter into double quotes.',
      });
  const { label } = options;
  const rows = found.map(({ record }) => record);
  const first = rows[0] as string[];
  const decimalCommas = delimiter !== ',';
  const told: HeaderGuess =
    options.header === undefined && typeof label !== 'string'
      ? guessHeader(decimalCommas ? rows.map((row) => row.map(withPoint)) : rows, label)
      : { hasHeader: options.header ?? true };
  const from = told.hasHeader ? 1 : 0;
  const columns = first.map((cell, i) => (told.hasHeader && cell !== '' ? cell : String(i + 1)));
  return {
    first,
    columns,
    decimalCommas,
    hasHeader: told.hasHeader,
    columnPlaces: first.map((_, i) => i),
    rows: rows.slice(from),
    lines: found.slice(from).map(({ info }) => info.lines),
    notes: told.note === undefined ? [] : [told.note],
  };
}

function withoutUseless({ first, ...table }: WholeTable, label: string | number | undefined): Table {
  const { columns, hasHeader, rows } = table;
  const notes = [...table.notes];
  const asked = label === undefined ? -1 : typeof label === 'string' ? columns.indexOf(label) : label;
  const kept = columns.flatMap((column, i) => {
    if (i === asked) return [i];
    const nameless = hasHeader && /^(Unnamed: \d+)?$/.test(first[i] as string);
    const why = rows.every((cells) => cells[i] === '')
      ? 'it is empty'
      : nameless && numbersRows(rows, i)
        ? 'it only numbers the rows'
        : undefined;
    if (why === undefined) return [i];
    const called = hasHeader && first[i] !== '' ? ` (${column})` : '';
    notes.push(`column ${i + 1}${called} was left out: ${why}`);
    return [];
  });
  return {
    ...table,
    columns: kept.map((i) => columns[i] as string),
    columnPlaces: kept,
    rows: rows.map((cells) => kept.map((i) => cells[i] as string)),
    notes,
  };
}

/** Whether a column counts its rows from 0, as programs write their index. */
function numbersRows(rows: readonly (readonly string[])[], i: number): boolean {
  return rows.every((cells, row) => cells[i] !== '' && Number(cells[i]) === row);
}

function records(text: string, name: string, delimiter: string): Row[] {
  try {
    return parse(text, {
      delimiter,
      bom: true,
      trim: true,
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: MOST_CELL,
    }) as unknown as Row[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new PffError('data', `${name}: ${messageOf(error)}`, {
      hint: 'Quotes within a quoted cell are doubled, and each quote that opens a cell closes it.',
      cause: error,
    });
  }
}

function likelyDelimiter(text: string): string {
  const end = text.search(/[\r\n]/);
  const line = (end < 0 ? text : text.slice(0, end)).replaceAll(/"[^"]*"/g, '');
  // Commas within numbers part nothing, where something else may.
  const others = DELIMITERS.slice(1).some((delimiter) => line.includes(delimiter));
  const parted = others && !/(^|\D),|,(\D|$)/.test(line) ? line.replaceAll(',', '') : line;
  const counts = DELIMITERS.map((delimiter) => parted.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] as string;
}
