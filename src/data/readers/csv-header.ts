/** Whether the first row of a delimited file has the names of its columns, told from the cells. */
import { likelyLabel } from './label-names.js';
import { isNothing } from './nothing.js';

export interface HeaderGuess {
  readonly hasHeader: boolean;
  /** For people, where the first row could be either. */
  readonly note?: string | undefined;
}

/** Cells that a note names. */
const NAMED = 5;

/**
 * The first row has names: where it has a text above numbers, or nothing above a count of the rows; where columns are numbered from 0 or
 * 1, or where numbers go up from column to column (wavelengths, years) or the label's cell is a usual name of one, and no row has that
 * label. A table of texts: where few texts of its first row come again below, and its label does not.
 * @param rows [rows][columns] @param asked the label's column, from 0; by default the last that is not empty.
 */
export function guessHeader([first = [], ...body]: readonly (readonly string[])[], asked?: number): HeaderGuess {
  const last = first.findLastIndex((cell, i) => cell !== '' || body.some((cells) => cells[i] !== ''));
  const label = asked ?? last;
  const places = first.flatMap((_, i) => (i > last ? [] : [i]));
  const features = places.filter((i) => i !== label);
  const below = (i: number): string[] => body.map((cells) => cells[i] ?? '');
  // A text that stands for nothing says nothing either.
  const texts = places.filter((i) => !isNumber(first[i] ?? '') && !isNothing(first[i] ?? ''));
  const ofFeatures = texts.filter((i) => i !== label);
  // Nothing to compare it with.
  if (body.length === 0) return { hasHeader: ofFeatures.length > 0 };
  const counts = features.some((i) => first[i] === '' && below(i).every((cell, row) => cell === String(row)));
  if (counts || texts.some((i) => mostlyNumbers(below(i)))) return { hasHeader: true };
  if (ofFeatures.length > 0) {
    const again = texts.filter((i) => below(i).includes(first[i] ?? ''));
    return noted(!again.includes(label) && 2 * again.length < texts.length, first);
  }
  if (features.length < 2 || below(label).includes(first[label] ?? '')) return { hasHeader: false };
  const numbered = [0, 1].some((start) => features.every((i, n) => first[i] === String(n + start)));
  if (numbered || !texts.includes(label)) return { hasHeader: numbered };
  const named = likelyLabel([first[label] as string]) !== undefined;
  return noted(
    named || features.every((i, n) => n === 0 || Number(first[i]) > Number(first[features[n - 1] as number])),
    first,
  );
}

/** With a word on it, since the first row could be either. */
function noted(hasHeader: boolean, first: readonly string[]): HeaderGuess {
  const cells = first.slice(0, NAMED).join(', ') + (first.length > NAMED ? ', …' : '');
  return {
    hasHeader,
    note: hasHeader
      ? `its first row is taken as the names of the columns: ${cells}`
      : `its first row is taken as a sample, not as names of columns: ${cells}`,
  };
}

/** Mistakes and empty cells among numbers make no column of texts. */
function mostlyNumbers(cells: readonly string[]): boolean {
  const there = cells.filter((cell) => !isNothing(cell));
  return there.length > 0 && 2 * there.filter(isNumber).length > there.length;
}

/** Whether a cell is a finite number. */
export function isNumber(cell: string): boolean {
  return cell.trim() !== '' && Number.isFinite(Number(cell));
}
