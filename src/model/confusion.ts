/** Which class was predicted for which: a matrix where there are few classes, else those pairs that occurred. */

/** Numbers of predictions: [true class][predicted class], or the pairs of more than 256 classes. */
export type Confusion = ConfusionMatrix | ConfusionPairs;

/** [true class][predicted class]: counts. */
export type ConfusionMatrix = readonly (readonly number[])[];

/** Of so many classes that nearly all of a matrix would be zeros. */
export interface ConfusionPairs {
  readonly classes: number;
  /** [true class, predicted class, count], ordered by class; pairs that never occurred are not there. */
  readonly pairs: readonly (readonly [truth: number, predicted: number, count: number])[];
}

/** A pair of classes and how often it occurred, at least once. */
export interface ConfusedPair {
  readonly truth: number;
  readonly predicted: number;
  readonly n: number;
}

/** More classes give pairs. */
const MOST_IN_A_MATRIX = 256;

export function isMatrix(confusion: Confusion): confusion is ConfusionMatrix {
  return Array.isArray(confusion);
}

/** How many classes there are. */
export function classesIn(confusion: Confusion): number {
  return isMatrix(confusion) ? confusion.length : confusion.classes;
}

/** The pairs that occurred, by true class, then by predicted class. */
export function pairsIn(confusion: Confusion): ConfusedPair[] {
  if (!isMatrix(confusion)) return confusion.pairs.map(([truth, predicted, n]) => ({ truth, predicted, n }));
  return confusion.flatMap((row, truth) => row.flatMap((n, predicted) => (n > 0 ? [{ truth, predicted, n }] : [])));
}

/** Wrong pairs, the most frequent first. */
export function mistakesIn(confusion: Confusion): ConfusedPair[] {
  return pairsIn(confusion)
    .filter(({ truth, predicted }) => truth !== predicted)
    .toSorted((a, b) => b.n - a.n);
}

/** Counts predictions. */
export class ConfusionCounter {
  readonly #classes: number;
  /** By true class · classes + predicted class. */
  readonly #counts = new Map<number, number>();

  constructor(classes: number) {
    this.#classes = classes;
  }

  add(truth: number, predicted: number): void {
    const key = truth * this.#classes + predicted;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  confusion(): Confusion {
    const classes = this.#classes;
    if (classes <= MOST_IN_A_MATRIX)
      return Array.from({ length: classes }, (_, truth) =>
        Array.from({ length: classes }, (__, predicted) => this.#counts.get(truth * classes + predicted) ?? 0),
      );
    const pairs = [...this.#counts]
      .toSorted(([a], [b]) => a - b)
      .map(([key, count]) => [Math.floor(key / classes), key % classes, count] as const);
    return { classes, pairs };
  }
}
