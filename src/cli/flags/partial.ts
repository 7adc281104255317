/** What is said of a model that an interrupted run left. */
import { partialModel } from '../../run/saved-model.js';

/** Undefined for the model of a whole run. */
export function partialNote(run: string, verify: boolean): string | undefined {
  const partial = partialModel(run, { verify });
  return (
    partial &&
    `a model of an interrupted run: ${partial.chapters} of ${partial.of} chapters; pff train --resume goes on`
  );
}
