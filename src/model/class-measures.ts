/** Measures of a confusion matrix besides accuracy: what accuracy hides where classes differ in size. */

type Confusion = readonly (readonly number[])[];

export interface ClassMeasures {
  /** Share of the samples of the class that are predicted right; undefined where it has none. */
  readonly recall: number | undefined;
  /** Share of the predictions of the class that are right; undefined where it is never predicted. */
  readonly precision: number | undefined;
  /** Harmonic mean of both: 2 · right / (samples + predictions); undefined where there is neither. */
  readonly f1: number | undefined;
  readonly samples: number;
}

/** @param confusion [true class][predicted class]: counts. */
export function classMeasures(confusion: Confusion): ClassMeasures[] {
  const predicted = confusion.map((_, label) => confusion.reduce((sum, row) => sum + (row[label] ?? 0), 0));
  return confusion.map((row, label) => {
    const right = row[label] ?? 0;
    const samples = row.reduce((sum, count) => sum + count, 0);
    const predictions = predicted[label] as number;
    return {
      samples,
      recall: samples === 0 ? undefined : right / samples,
      precision: predictions === 0 ? undefined : right / predictions,
      f1: samples + predictions === 0 ? undefined : (2 * right) / (samples + predictions),
    };
  });
}

/** The mean recall of the classes that have samples: what guessing the largest class does not raise. */
export function balancedAccuracy(confusion: Confusion): number {
  return meanOf(classMeasures(confusion).map(({ recall }) => recall));
}

/** The mean F1 of the classes that have samples or predictions. */
export function macroF1(confusion: Confusion): number {
  return meanOf(classMeasures(confusion).map(({ f1 }) => f1));
}

function meanOf(values: readonly (number | undefined)[]): number {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? 0 : known.reduce((sum, value) => sum + value, 0) / known.length;
}
