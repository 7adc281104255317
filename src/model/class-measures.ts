/** Measures of a confusion matrix besides accuracy: what accuracy hides where classes differ in size. */
import { classesIn, pairsIn, type Confusion } from './confusion.js';

export interface ClassMeasures {
  /** Share of the samples of the class that are predicted right; undefined where it has none. */
  readonly recall: number | undefined;
  /** Share of the predictions of the class that are right; undefined where it is never predicted. */
  readonly precision: number | undefined;
  /** Harmonic mean of both: 2 · right / (samples + predictions); undefined where there is neither. */
  readonly f1: number | undefined;
  readonly samples: number;
  /** Samples of the class that are predicted right. */
  readonly right: number;
}

/** One for each class. */
export function classMeasures(confusion: Confusion): ClassMeasures[] {
  const counts = Array.from({ length: classesIn(confusion) }, () => ({ samples: 0, predictions: 0, right: 0 }));
  for (const { truth, predicted, n } of pairsIn(confusion)) {
    const [of, as] = [counts[truth], counts[predicted]];
    if (of) of.samples += n;
    if (as) as.predictions += n;
    if (of && truth === predicted) of.right += n;
  }
  return counts.map(({ samples, predictions, right }) => ({
    samples,
    right,
    recall: samples === 0 ? undefined : right / samples,
    precision: predictions === 0 ? undefined : right / predictions,
    f1: samples + predictions === 0 ? undefined : (2 * right) / (samples + predictions),
  }));
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
