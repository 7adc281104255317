/** Numbers with a comma for the point, as spreadsheets write them in much of Europe, where cells are parted by something else. */
import type { Cell } from '../columns.js';
import { isNothing } from './nothing.js';

const WITH_COMMA = /^[+-]?\d+,\d+(e[+-]?\d+)?$/i;
const NUMBER = /^[+-]?\d+([.,]\d+)?(e[+-]?\d+)?$/i;
/** Could as well be thousands. */
const THOUSANDS = /^[+-]?[1-9]\d{0,2},\d{3}$/;

/** A number with a comma, with a point; any other cell as it is. */
export function withPoint<C extends Cell>(cell: C): C | string {
  return typeof cell === 'string' && WITH_COMMA.test(cell) ? cell.replace(',', '.') : cell;
}

/**
 * Whether a column's cells are numbers, some of which have commas that stand for points, and none a point; `unclear` where all could be
 * thousands, too.
 */
export function haveCommas(cells: readonly Cell[]): boolean | 'unclear' {
  const there = cells.filter((cell) => typeof cell === 'string' && !isNothing(cell)).map(String);
  const commas = there.filter((cell) => WITH_COMMA.test(cell));
  if (commas.length === 0 || !there.every((cell) => NUMBER.test(cell) && !cell.includes('.'))) return false;
  return commas.every((cell) => THOUSANDS.test(cell)) ? 'unclear' : true;
}
