/** Rows set aside for testing and validation, or drawn to train on: the same share of each class, by a keyed order. */
import { PffError } from '../errors.js';
import { RandomStream } from '../random.js';

export interface SplitShares {
  /** Shares of all rows, 0 … 1. */
  readonly test: number;
  readonly validation: number;
  /** What the order of the rows depends on. */
  readonly seed: number;
}

/** Places of rows, each part in ascending order. */
export interface SplitRows {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
  readonly test: Uint32Array;
}

/**
 * Divides rows by their labels. Each class gives its share to each part, to the nearest row; where a class has too few for that, the
 * rows that are left over from the classes before decide, so that the shares hold for the whole. At least one row of each class
 * is left to train on.
 * @param labels [n], each below `classes`. @throws PffError `data` if a part would have no rows.
 */
export function splitRows(labels: ArrayLike<number>, classes: number, shares: SplitShares): SplitRows {
  const { test, validation, seed } = shares;
  const byClass = rowsByClass(labels, classes);
  const parts: Record<keyof SplitRows, number[]> = { train: [], validation: [], test: [] };
  const owed = { test: 0, validation: 0 };
  byClass.forEach((rows, label) => {
    const order = new RandomStream(seed, 'split', label).permutation(rows.length);
    let from = 0;
    for (const [part, share] of [
      ['test', test],
      ['validation', validation],
    ] as const) {
      owed[part] += share * rows.length;
      const taken = Math.max(0, Math.min(Math.round(owed[part]), rows.length - 1 - from));
      owed[part] -= taken;
      for (const place of order.subarray(from, from + taken)) parts[part].push(rows[place] as number);
      from += taken;
    }
    for (const place of order.subarray(from)) parts.train.push(rows[place] as number);
  });
  for (const [part, share] of [
    ['test', test],
    ['validation', validation],
  ] as const)
    if (share > 0 && parts[part].length === 0)
      throw new PffError('data', `a ${part} share of ${share} of ${labels.length} samples leaves none`, {
        hint: `Give a larger share, or a file of its own for the ${part} samples.`,
      });
  return { train: sorted(parts.train), validation: sorted(parts.validation), test: sorted(parts.test) };
}

/**
 * Draws rows to train on: each class keeps its share and, where there are at least as many as classes with rows, has one row or more.
 * @param labels [n], each below `classes`. @param count at most n. @returns places of `count` rows, in ascending order.
 */
export function drawRows(labels: ArrayLike<number>, classes: number, count: number, seed: number): Uint32Array {
  const byClass = rowsByClass(labels, classes);
  const counts = countsToDraw(
    byClass.map(({ length }) => length),
    count,
  );
  return sorted(
    byClass.flatMap((rows, label) => {
      const order = new RandomStream(seed, 'draw', label).permutation(rows.length);
      return Array.from(order.subarray(0, counts[label]), (place) => rows[place] as number);
    }),
  );
}

/** How many of the `sizes` rows of each class are drawn. The counts add up to `count`, exactly. */
function countsToDraw(sizes: readonly number[], count: number): number[] {
  const present = sizes.filter((size) => size > 0).length;
  const single = new Set<number>();
  let [rows, left] = [sizes.reduce((sum, size) => sum + size, 0), count];
  // Classes whose share is less than a row have one, and the others share what is left, which may make further ones so small.
  let small: readonly number[];
  do {
    const isSmall = (size: number): boolean => present <= count && size > 0 && size * left < rows;
    small = sizes.flatMap((size, label) => (isSmall(size) && !single.has(label) ? [label] : []));
    for (const label of small) {
      single.add(label);
      rows -= sizes[label] as number;
      left--;
    }
  } while (small.length > 0);
  let seen = 0;
  const due = (): number => (seen === 0 ? 0 : Math.floor((seen * left) / rows));
  return sizes.map((size, label) => {
    if (single.has(label)) return 1;
    const before = due();
    seen += size;
    return due() - before;
  });
}

function rowsByClass(labels: ArrayLike<number>, classes: number): number[][] {
  const byClass = Array.from({ length: classes }, (): number[] => []);
  for (let row = 0; row < labels.length; row++) byClass[labels[row] as number]?.push(row);
  return byClass;
}

function sorted(rows: readonly number[]): Uint32Array {
  return Uint32Array.from(rows).sort();
}
