/** A CSV file as a table: its cells, whether its first row is a header, and which columns hold nothing to learn from. */
import { CsvError, parse } from '#platform/csv';
import { messageOf, PffError } from '../../errors.js';

export interface Table {
  /** Names of the columns, where the file has them; else their numbers from 1. */
  readonly columns: readonly string[];
  readonly hasHeader: boolean;
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

/** @param least fewest rows, a header included. @throws PffError `data` saying on which line the file is no table */
export function readTable(text: string, name: string, options: TableOptions, least = 3): Table {
  const found = records(text, name, options.delimiter ?? likelyDelimiter(text));
  const first = found[0]?.record;
  if (first === undefined || found.length < least)
    throw new PffError('data', `${name}: has fewer than ${least === 3 ? 'three' : least} rows`, {
      hint: 'Give a row for each sample.',
    });
  for (const { record, info } of found)
    if (record.length !== first.length)
      throw new PffError(
        'data',
        `${name}: row ${info.lines} has ${record.length} cells, but the first has ${first.length}`,
        { hint: 'Put cells that hold the delimiter into double quotes.' },
      );
  const hasHeader = options.header ?? (typeof options.label === 'string' || isHeader(found, options.label));
  const body = hasHeader ? found.slice(1) : found;
  const columns = first.map((cell, i) => (hasHeader && cell !== '' ? cell : String(i + 1)));
  const notes: string[] = [];
  const left = (i: number, why: string): boolean => {
    notes.push(`column ${i + 1}${hasHeader && first[i] !== '' ? ` (${first[i]})` : ''} was left out: ${why}`);
    return false;
  };
  const isAsked = (i: number): boolean =>
    options.label === i || (options.label !== undefined && options.label === first[i]);
  const kept = columns.flatMap((_, i) => {
    const nameless = hasHeader && /^(Unnamed: \d+)?$/.test(first[i] as string);
    const keep =
      isAsked(i) ||
      (body.every(({ record }) => record[i] === '')
        ? left(i, 'it is empty')
        : nameless && body.every(({ record }, row) => Number(record[i]) === row && record[i] !== '')
          ? left(i, 'it only numbers the rows')
          : true);
    return keep ? [i] : [];
  });
  return {
    columns: kept.map((i) => columns[i] as string),
    hasHeader,
    rows: body.map(({ record }) => kept.map((i) => record[i] as string)),
    lines: body.map(({ info }) => info.lines),
    notes,
  };
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
  const counts = DELIMITERS.map((delimiter) => line.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] as string;
}

/**
 * Whether the first row has names: a column in which it has no number, while the others do; a label that is a word, above numbers; or
 * columns that are numbered from 0 or 1, under a label that no row has.
 */
function isHeader([head, ...body]: readonly Row[], asked: string | number | undefined): boolean {
  const first = (head as Row).record;
  const last = first.findLastIndex((cell, i) => cell !== '' || body.some(({ record }) => record[i] !== ''));
  const label = typeof asked === 'number' ? asked : last;
  const features = first.flatMap((_, i) => (i === label || i > last ? [] : [i]));
  if (features.some((i) => !isNumber(first[i] ?? ''))) return true;
  const labels = body.map(({ record }) => record[label] ?? '');
  const word = first[label] ?? '';
  if (!isNumber(word) && labels.every(isNumber)) return true;
  const numbered = [0, 1].some((start) => features.every((i, n) => first[i] === String(n + start)));
  return features.length > 1 && numbered && !labels.includes(word);
}

/** Whether a cell is a finite number. */
export function isNumber(cell: string): boolean {
  return cell.trim() !== '' && Number.isFinite(Number(cell));
}
