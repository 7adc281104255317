/** Labels as a source has them (numbers or texts) to class numbers and names. */
import { MOST_CLASSES, newLabels, type Labels } from '../label-array.js';
import { PffError } from '../../errors.js';
import { toNumber, type Cell } from '../columns.js';
import type { Parts } from './parts.js';

/** From here on, numbers far apart and names that hardly come twice are taken for values and names of rows. */
const MANY = 256;
/** So many different numbers, not all of them whole, are values and not classes. */
const MOST_FRACTIONS = 20;

/** One form for a class: 1, 1.0 and "1" are the same. Whole numbers that f64 cannot hold stay as they are written. */
export function labelText(cell: Cell): string {
  const number = typeof cell === 'number' ? cell : toNumber(String(cell));
  const isKept = Number.isFinite(number) && (Number.isSafeInteger(number) || !/^\s*[+-]?\d+\s*$/.test(String(cell)));
  return isKept ? String(number) : String(cell);
}

export interface Classes {
  /** Names, sorted: as numbers if all of them are. */
  readonly classes: readonly string[];
  /** The class numbers of texts. */
  readonly labels: (texts: readonly string[]) => Labels;
}

/** @param what the labels are called in errors. @throws PffError `data` where they are no classes. */
export function classesOf({ train, validation, test }: Parts<readonly string[]>, what: string): Classes {
  const fail = (found: string, hint: string): never => {
    throw new PffError('data', `${what} ${found}`, { hint });
  };
  const distinct = new Set(train);
  const names = [...distinct];
  const numbers = names.map(toNumber);
  const allNumbers = numbers.every((value) => Number.isFinite(value));
  if (allNumbers && distinct.size > MOST_FRACTIONS && numbers.some((value) => !Number.isInteger(value)))
    return fail(
      `has ${distinct.size} different numbers, not all of them whole: these are values, not classes`,
      'Name the column of the classes by --label-column, or cut the values into a few ranges first.',
    );
  if (distinct.size > MANY && distinct.size > train.length / 2)
    return fail(
      `has ${distinct.size} different values in ${train.length} rows: these are no classes, of which each has several rows`,
      'Name the column of the classes by --label-column.',
    );
  if (allNumbers && distinct.size > MANY && spanOf(numbers) > 2 * distinct.size)
    return fail(
      `has ${distinct.size} different numbers, with gaps between them: these look like values, not classes`,
      'Name the column of the classes by --label-column; if the numbers do name classes, put a letter before each.',
    );
  if (distinct.size > MOST_CLASSES)
    return fail(
      `has ${distinct.size} different values, and there can be at most ${MOST_CLASSES} classes`,
      'Name the column of the classes by --label-column.',
    );
  if (distinct.size < 2) return fail(`has one class only, ${names[0]}`, 'Give samples of two classes or more.');
  const unknown = [...new Set([...(validation ?? []), ...(test ?? [])])].filter((name) => !distinct.has(name));
  if (unknown.length > 0)
    return fail(
      `has no training samples of ${unknown.slice(0, 5).join(', ')}, which are held out`,
      'Held-out samples must be of classes that there are training samples of.',
    );
  const classes = allNumbers ? names.sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1)) : names.sort();
  const place = new Map(classes.map((name, i) => [name, i]));
  const labels = (texts: readonly string[]): Labels => {
    const places = newLabels(texts.length, classes.length);
    texts.forEach((text, i) => (places[i] = place.get(text) as number));
    return places;
  };
  return { classes, labels };
}

/** Whole numbers from the least to the most. Not by spreading into Math.max: there may be more than a call takes. */
function spanOf(numbers: readonly number[]): number {
  const least = numbers.reduce((a, b) => Math.min(a, b));
  return numbers.reduce((a, b) => Math.max(a, b)) - least + 1;
}
