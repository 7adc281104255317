/** The confusion matrix as text: a row for each true class, a column for each predicted one. */
import { classMeasures } from '../model/class-measures.js';
import { harmless } from './harmless.js';
import { isMatrix, mistakesIn, type Confusion } from '../model/confusion.js';

/** More classes do not fit side by side. */
export const MOST_CLASSES = 16;

/** Zeros are dots; more than `MOST_CLASSES` give the worst confusions only. */
export function confusionLines(confusion: Confusion, classes: readonly string[]): string[] {
  if (!isMatrix(confusion) || confusion.length > MOST_CLASSES) return worstPairs(confusion, classes);
  const names = confusion.map((_, i) => harmless(classes[i] ?? String(i)));
  const name = Math.max(...names.map((text) => text.length));
  const width = Math.max(3, ...confusion.flat().map((n) => String(n).length));
  // Long class names do not fit over narrow columns: columns then have the numbers that the rows show.
  const long = name > width;
  const heads = names.map((text, i) => (long ? String(i) : text));
  const label = (i: number): string =>
    long ? `${String(i).padStart(2)} ${names[i]?.padEnd(name)}` : `${names[i]?.padStart(name)}`;
  const indent = ' '.repeat(label(0).length);
  const measures = classMeasures(confusion);
  return [
    `${indent} ${heads.map((text) => text.padStart(width)).join(' ')}    right     F1`,
    ...confusion.map((row, i) => {
      const total = row.reduce((sum, n) => sum + n, 0);
      const cells = row.map((n) => (n === 0 ? '·' : String(n)).padStart(width)).join(' ');
      const right = total === 0 ? '–' : `${((100 * (row[i] ?? 0)) / total).toFixed(1)} %`;
      const f1 = measures[i]?.f1;
      return `${label(i)} ${cells}  ${right.padStart(7)}  ${(f1 === undefined ? '–' : f1.toFixed(3)).padStart(5)}`;
    }),
  ];
}

function worstPairs(confusion: Confusion, classes: readonly string[]): string[] {
  const pairs = mistakesIn(confusion).slice(0, 10);
  if (pairs.length === 0) return ['none: every image was predicted right'];
  const name = (label: number): string => harmless(classes[label] ?? String(label));
  return pairs.map(({ truth, predicted, n }) => `${name(truth)} taken for ${name(predicted)}: ${n}`);
}
