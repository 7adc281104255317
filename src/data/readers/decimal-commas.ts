/** Numbers with a comma for the point, as spreadsheets write them in much of Europe, where cells are parted by something else. */
import type { Cell } from '../columns.js';
import { isNothing } from './nothing.js';

const WITH_COMMA = /^[+-]?\d+,\d+(e[+-]?\d+)?$/i;
const NUMBER = /^[+-]?\d+([.,]\d+)?(e[+-]?\d+)?$/i;
/** Could as well be thousands. */
const THOUSANDS = /^[+-]?\d{1,3},\d{3}$/;

/** A number with a comma, with a point; any other cell as it is. */
export function withPoint<C extends Cell>(cell: C): C | string {
  return typeof cell === 'string' && WITH_COMMA.test(cell) ? cell.replace(',', '.') : cell;
}

/** Whether a column's cells are numbers, some of which have commas that stand for points, and none a point. */
export function haveCommas(cells: readonly Cell[]): boolean {
  const there = cells.filter((cell) => typeof cell === 'string' && !isNothing(cell)).map(String);
  const commas = there.filter((cell) => WITH_COMMA.test(cell));
  return (
    commas.length > 0 &&
    !commas.every((cell) => THOUSANDS.test(cell)) &&
    there.every((cell) => NUMBER.test(cell) && !cell.includes('.'))
  );
}
