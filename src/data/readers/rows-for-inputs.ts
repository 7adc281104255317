/** Rows of a file for a model that there is: which of its columns are the model's, and which one, if any, has the true classes. */
import { PffError } from '../../errors.js';
import type { Cell, Inputs } from '../columns.js';
import { labelText } from './classes.js';
import type { FoundFile, TableKind } from './file-kind.js';
import { readRawTable, type RawTable } from './table.js';

/** A row of a file in the order of the model's columns. */
export interface FileRow {
  /** Its line in the file, or its number from 1. */
  readonly place: number;
  readonly cells: readonly Cell[];
  /** The class that the file says, if it does. */
  readonly truth: string | undefined;
}

/**
 * Reads the rows of a table: columns by their names if it has those of the model, else in their order.
 * @param asked the column with the classes, for a model that does not know its name: one of pixels.
 * @throws PffError `data` where it lacks columns
 */
export async function rowsForInputs(
  found: FoundFile & { readonly kind: TableKind },
  name: string,
  inputs: Inputs,
  asked = 'label',
): Promise<FileRow[]> {
  const wanted =
    inputs.kind === 'columns'
      ? inputs.columns.map((column) => column.name)
      : Array.from({ length: inputs.shape.width * inputs.shape.height * inputs.shape.channels }, (_, i) =>
          String(i + 1),
        );
  const label = inputs.kind === 'columns' ? inputs.label : asked;
  const named = await readRawTable(found, name, { header: true, least: 1 });
  const isNamed = inputs.kind === 'columns' && wanted.every((column) => named.columns.includes(column));
  const table =
    isNamed || found.kind !== 'delimited' ? named : await readRawTable(found, name, { least: 1, ...placeOf(label) });
  const places = isNamed ? wanted.map((column) => named.columns.indexOf(column)) : inOrder(table, wanted, label, name);
  const truth = table.columns.indexOf(label);
  return table.rows.map((row, i) => ({
    place: table.places[i] as number,
    cells: places.map((place) => row[place] ?? null),
    truth: truth < 0 || places.includes(truth) ? undefined : textOf(row[truth]),
  }));
}

function inOrder({ columns, hasNames }: RawTable, wanted: readonly string[], label: string, name: string): number[] {
  // A file without names, like the one that was trained on, its label included.
  if (!hasNames && columns.length > wanted.length && [label, ...wanted].every((column) => columns.includes(column)))
    return wanted.map((column) => columns.indexOf(column));
  const others = columns.flatMap((column, i) => (hasNames && column === label ? [] : [i]));
  if (others.length === wanted.length) return others;
  const missing = wanted.filter((column) => !columns.includes(column));
  throw new PffError(
    'data',
    `${name}: has ${others.length} columns, but the model takes ${wanted.length}${hasNames ? `, and ${missing.slice(0, 5).join(', ')} ${missing.length === 1 ? 'is' : 'are'} not among them` : ''}`,
    { hint: `Its columns are ${wanted.slice(0, 20).join(', ')}; others are passed over where there is a header.` },
  );
}

function textOf(cell: Cell | undefined): string | undefined {
  return cell === null || cell === undefined ? undefined : labelText(cell);
}

/** A label's column that had no name was called by its place, which tells where the classes are in a file without a header. */
function placeOf(label: string): { readonly label?: number } {
  return /^\d+$/.test(label) ? { label: Number(label) - 1 } : {};
}
