/** Confusion of few classes as the matrix that it is. */
import { isMatrix, type Confusion, type ConfusionMatrix } from '../../src/model/confusion.js';

/** @throws Error for pairs of many classes */
export function matrixOf(confusion: Confusion): ConfusionMatrix {
  if (!isMatrix(confusion)) throw new Error(`${confusion.classes} classes have no matrix`);
  return confusion;
}

/** The number of predictions. */
export function predictionsIn(confusion: Confusion): number {
  return matrixOf(confusion)
    .flat()
    .reduce((sum, n) => sum + n, 0);
}
