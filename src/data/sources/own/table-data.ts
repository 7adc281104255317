/** From tables to a dataset: which column is the class, which rows are held out, how columns become the network's values. Node.js only. */
import { sharedLabels } from '../../label-array.js';
import { PffError } from '../../../errors.js';
import { assembleDataset } from '../../assemble.js';
import {
  columnsWidth,
  encodeRow,
  numberColumn,
  type Cell,
  type Column,
  type ColumnInputs,
  type Inputs,
} from '../../columns.js';
import { shapeOfRow, sharedBytes, sharedFloats, type Dataset, type ImageShape, type Samples } from '../../dataset.js';
import { splitRows } from '../../split.js';
import { classesOf, labelText } from '../../readers/classes.js';
import { eachPart, type Parts } from '../../readers/parts.js';
import type { Reading } from '../../readers/reading.js';
import { haveCommas, withPoint } from '../../readers/decimal-commas.js';
import { classIn, type RawTable } from '../../readers/table.js';
import { asNumber, labelOf, listed, placesIn, usableColumns } from './table-columns.js';

/** A column of more different texts than this has names or remarks, which say nothing of new rows. */
const MOST_TEXTS = 100;
/** From so many columns of bytes on, a table may be one of pixels. */
const FEWEST_PIXELS = 64;
interface Chosen {
  readonly name: string;
  /** Names of the columns that may be learned from. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  readonly labels: readonly string[];
  readonly places: readonly number[];
}

/** @throws PffError `data` naming file, row and column. */
export function datasetFromTables(name: string, parts: Parts<RawTable>, reading: Reading): Dataset {
  const notes = [...parts.train.notes];
  const label = labelOf(parts.train, reading.labelColumn);
  const usable = usableColumns(parts.train, label, reading.ignoreColumns, notes);
  const how = { label, usable, missing: reading.missing };
  const chosen = eachPart(parts, (table) => chooseRows(table, parts.train, how, notes));
  const { classes, labels } = classesOf(
    eachPart(chosen, (table) => table.labels),
    `${parts.train.name}: column ${label}`,
  );
  // Rows of all parts one after the other, and which of them are which.
  const all = [chosen.train, chosen.validation, chosen.test].filter((table) => table !== undefined);
  const rows = all.flatMap((table) => table.rows);
  const numbers = all.flatMap((table) => [...labels(table.labels)]);
  const split = splitRows(labels(chosen.train.labels), classes.length, {
    test: chosen.test ? 0 : reading.testShare,
    validation: chosen.validation ? 0 : reading.validationShare,
    seed: reading.splitSeed,
  });
  const second = chosen.train.rows.length;
  const third = second + (chosen.validation?.rows.length ?? 0);
  const range = (from: number, end: number): Uint32Array =>
    Uint32Array.from({ length: end - from }, (_, i) => from + i);
  const places = {
    train: split.train,
    validation: chosen.validation ? range(second, third) : split.validation,
    test: chosen.test ? range(third, rows.length) : split.test,
  };
  checkHeld(places.test.length, chosen.train.name);
  const { inputs, shape } =
    pixels(rows, usable, label) ?? fitted(all, rows, places.train, usable, reading, label, notes);
  const used = inputs.kind === 'columns' ? inputs.columns.map((column) => usable.indexOf(column.name)) : undefined;
  const width = shape.width * shape.height;
  if (inputs.kind === 'image')
    notes.push(
      `its ${width} columns are whole numbers from 0 to 255, and are taken as pixels of ${shape.width} x ${shape.height}`,
    );
  const samples = (which: Uint32Array): Samples => {
    const images = inputs.kind === 'columns' ? sharedFloats(which.length * width) : sharedBytes(which.length * width);
    const truth = sharedLabels(which.length, classes.length);
    which.forEach((row, i) => {
      const cells = rows[row] as readonly Cell[];
      truth[i] = numbers[row] as number;
      const out = images.subarray(i * width, (i + 1) * width);
      if (inputs.kind === 'columns' && out instanceof Float32Array)
        encodeRow(
          inputs,
          (used ?? []).map((column) => cells[column] ?? null),
          out,
        );
      else cells.forEach((cell, column) => (out[column] = Number(cell)));
    });
    return { count: which.length, images, labels: truth };
  };
  const validation = places.validation.length > 0 ? samples(places.validation) : undefined;
  return assembleDataset(name, shape, classes, samples(places.train), samples(places.test), notes, {
    validation,
    inputs,
  });
}

function checkHeld(test: number, name: string): void {
  if (test === 0)
    throw new PffError('data', `${name}: no rows are left to test on`, {
      hint: 'Give --test FILE, or a share such as --test 0.2.',
    });
}

interface Choosing {
  readonly label: string;
  readonly usable: readonly string[];
  readonly missing: Reading['missing'];
}

/** Of each place in a table, whether its numbers have commas for points. */
function placesWithCommas(
  { name, rows, decimalCommas }: RawTable,
  places: readonly number[],
  usable: readonly string[],
  notes: string[],
): readonly boolean[] {
  if (!decimalCommas) return places.map(() => false);
  const found = places.map((place) => haveCommas(rows.map((row) => row[place] ?? null)));
  const named = (which: boolean | 'unclear'): string[] => usable.filter((_, i) => found[i] === which);
  const [points, unclear] = [named(true), named('unclear')];
  if (points.length > 0)
    notes.push(`${name}: commas in numbers are read as decimal points: column ${listed(points, 5)}`);
  if (unclear.length > 0)
    notes.push(
      `${name}: numbers such as 1,234 may have a decimal comma or thousands, and are taken as texts: column ${listed(unclear, 5)}`,
    );
  return found.map((each) => each === true);
}

/** The rows that count, with the columns of the training table in its order. */
function chooseRows(table: RawTable, train: RawTable, { label, usable, missing }: Choosing, notes: string[]): Chosen {
  const places = placesIn(table, train, [label, ...usable]);
  const [labelPlace = 0, ...others] = places;
  const commas = placesWithCommas(table, others, usable, notes);
  const without: number[] = [];
  const empty = new Map<string, number[]>();
  const kept = table.rows.flatMap((row, i) => {
    if (classIn(table, i, labelPlace) === null) {
      without.push(table.places[i] as number);
      return [];
    }
    const cells = others.map((place, column) => {
      const cell = row[place] ?? null;
      return commas[column] ? withPoint(cell) : cell;
    });
    const holes = cells.flatMap((cell, column) => (cell === null ? [usable[column] as string] : []));
    for (const column of holes) {
      const at = empty.get(column);
      if (at) at.push(table.places[i] as number);
      else empty.set(column, [table.places[i] as number]);
    }
    return holes.length > 0 && missing !== 'fill' ? [] : [{ cells, at: i }];
  });
  const dropped = table.rows.length - kept.length;
  if (missing === 'refuse' && dropped > 0) throw incomplete(table.name, label, without, empty);
  if (dropped > 0)
    notes.push(`${table.name}: ${dropped} of ${table.rows.length} rows were left out, as cells of theirs are empty`);
  const filled = [...empty.keys()];
  if (missing === 'fill' && filled.length > 0)
    notes.push(`${table.name}: empty cells of ${listed(filled, 5)} count as the column's mean, or as no text`);
  return {
    name: table.name,
    columns: usable,
    rows: kept.map(({ cells }) => cells),
    labels: kept.map(({ at }) => labelText(classIn(table, at, labelPlace))),
    places: kept.map(({ at }) => table.places[at] as number),
  };
}

function incomplete(
  name: string,
  label: string,
  without: readonly number[],
  empty: ReadonlyMap<string, readonly number[]>,
): PffError {
  const [column, rows] = without.length > 0 ? [label, without] : ([...empty][0] as [string, readonly number[]]);
  const more = (without.length > 0 ? 1 : 0) + empty.size - 1;
  return new PffError(
    'data',
    `${name}: ${rows.length === 1 ? 'a cell' : `${rows.length} cells`} of column ${column} ${rows.length === 1 ? 'is' : 'are'} empty, ${rows.length === 1 ? 'in' : 'the first in'} row ${rows[0]}${more > 0 ? `; so are some of ${more} more columns` : ''}`,
    { hint: 'Give --missing drop to leave such rows out, or --missing fill to take the mean in their place.' },
  );
}

/** The inputs of a table whose columns are all bytes. */
function pixels(
  rows: readonly (readonly Cell[])[],
  usable: readonly string[],
  label: string,
): { readonly inputs: Inputs; readonly shape: ImageShape } | undefined {
  if (usable.length < FEWEST_PIXELS) return undefined;
  let most = 0;
  for (const row of rows)
    for (const cell of row) {
      const value = asNumber(cell);
      if (!(Number.isInteger(value) && value >= 0 && value <= 255)) return undefined;
      most = Math.max(most, value);
    }
  if (most < 128) return undefined;
  const shape = shapeOfRow(usable.length);
  return { inputs: { kind: 'image', shape, label }, shape };
}

function fitted(
  tables: readonly Chosen[],
  rows: readonly (readonly Cell[])[],
  train: Uint32Array,
  usable: readonly string[],
  { missing }: Reading,
  label: string,
  notes: string[],
): { readonly inputs: ColumnInputs; readonly shape: ImageShape } {
  const columns = usable.flatMap((column, i) => {
    const found = fitColumn(column, i, tables, rows, train);
    if (typeof found !== 'string') return [found];
    notes.push(`column ${column} was left out: ${found}`);
    return [];
  });
  if (columns.length === 0)
    throw new PffError('data', `${tables[0]?.name}: no column is left to learn from`, {
      hint: `Beside the label ${label} it has ${listed(usable, 10) || 'none'}.`,
    });
  return {
    inputs: { kind: 'columns', columns, label, fill: missing === 'fill' },
    shape: { width: columnsWidth(columns), height: 1, channels: 1 },
  };
}

/** The column, or why it is left out. @throws PffError `data` where some cells of a column of numbers are none. */
function fitColumn(
  name: string,
  i: number,
  tables: readonly Chosen[],
  rows: readonly (readonly Cell[])[],
  train: Uint32Array,
): Column | string {
  const cells = rows.map((row) => row[i] ?? null);
  const there = cells.filter((cell) => cell !== null);
  const numeric = there.filter((cell) => Number.isFinite(asNumber(cell)));
  const trained = Array.from(train, (row) => cells[row] ?? null);
  if (numeric.length === there.length) {
    const column = numberColumn(
      name,
      trained.map((cell) => (cell === null ? null : asNumber(cell))),
    );
    return column ?? 'it is the same in all training rows';
  }
  // Mostly numbers: then the others are mistakes, and not texts to learn from.
  if (numeric.length > there.length / 2) throw notANumber(name, i, tables, there.length - numeric.length);
  const values = [...new Set(trained.filter((cell) => cell !== null).map(String))].sort();
  if (values.length === 1) return 'it is the same in all training rows';
  return values.length > MOST_TEXTS || (values.length > 20 && values.length > train.length / 2)
    ? `its ${values.length} different texts say nothing of new rows`
    : { name, kind: 'text', values };
}

function notANumber(column: string, i: number, tables: readonly Chosen[], count: number): PffError {
  const [wrong] = tables.flatMap(({ name, rows, places }) => {
    const at = rows.findIndex((row) => (row[i] ?? null) !== null && !Number.isFinite(asNumber(row[i] ?? null)));
    return at < 0 ? [] : [{ name, place: places[at], cell: String(rows[at]?.[i]).slice(0, 100) }];
  });
  return new PffError(
    'data',
    `${wrong?.name}: row ${wrong?.place}, column ${column}: ${JSON.stringify(wrong?.cell)} is no number, but most of the column are (${count} ${count === 1 ? 'is' : 'are'} not)`,
    {
      hint: 'Correct the cells, leave them empty with --missing drop or fill, or leave the column out by --ignore-columns.',
    },
  );
}
