/** Rows set aside for testing and validation: the same share of each class, by a keyed order. */
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
  const byClass = Array.from({ length: classes }, (): number[] => []);
  for (let row = 0; row < labels.length; row++) byClass[labels[row] as number]?.push(row);
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
  const sorted = (rows: number[]): Uint32Array => Uint32Array.from(rows).sort();
  return { train: sorted(parts.train), validation: sorted(parts.validation), test: sorted(parts.test) };
}
