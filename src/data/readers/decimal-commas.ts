/** Numbers with a comma for the point, as spreadsheets write them in much of Europe, where cells are parted by something else. */
import { isNothing } from './nothing.js';

const WITH_COMMA = /^[+-]?\d+,\d+(e[+-]?\d+)?$/i;
const NUMBER = /^[+-]?\d+([.,]\d+)?(e[+-]?\d+)?$/i;

/**
 * Rows with a point in the numbers of each column whose cells, but for a header, are numbers that have commas; a column with both is left
 * as it is. @param rows [rows][columns]
 */
export function withPoints(rows: readonly string[][]): {
  readonly rows: readonly string[][];
  /** Places of the columns that were changed. */
  readonly changed: readonly number[];
} {
  const [first = [], ...body] = rows;
  const changed = first.flatMap((_, i) => {
    const cells = body.map((row) => row[i] ?? '').filter((cell) => !isNothing(cell));
    const commas = cells.some((cell) => WITH_COMMA.test(cell)) && cells.every((cell) => NUMBER.test(cell));
    return commas && !cells.some((cell) => cell.includes('.')) ? [i] : [];
  });
  if (changed.length === 0) return { rows, changed };
  const into = new Set(changed);
  const point = (cell: string, i: number): string =>
    into.has(i) && WITH_COMMA.test(cell) ? cell.replace(',', '.') : cell;
  return { rows: rows.map((row) => row.map(point)), changed };
}
