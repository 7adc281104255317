/** What a spec may ask for that only Node.js does: refused before anything begins, so that equal specs never give unequal models. */
import { PffError } from '../errors.js';
import { isBackprop, type RunSpec } from '../spec/spec.js';

/** @throws PffError `usage` for backpropagation, for training that stops early, and for one that begins with a given model */
export function checkForBrowser({ objective, earlyStop, init }: RunSpec): void {
  const refuse = (what: string, hint: string): never => {
    throw new PffError('usage', `${what}, which training in a browser does not do`, { hint });
  };
  if (isBackprop(objective))
    refuse(`objective is ${objective}`, 'Choose an objective that trains layer by layer, or train with Node.js.');
  if (earlyStop > 0)
    refuse(
      `earlyStop is ${earlyStop}`,
      'Leave it out and break out of the loop by your own rule, or train with Node.js.',
    );
  if (init !== '') refuse('init names a model to begin with', 'Leave init out, or train with Node.js.');
}
