/** A user's own objective as it is called: what is none is refused when it is registered, so that no training ends by it, or is of no use. */
import { didYouMean } from '../suggest.js';
import { described } from '../known-options.js';
import type { Rates } from '../objectives/objective.js';
import type { LocalBatch, LocalHead, OwnLocalLoss } from '../objectives/own-local-loss.js';
import { isLocalLoss, type AnyOwnObjective } from '../objectives/table.js';
import { specFields } from './fields.js';
import { bad, called, checkWritten, given, refuse } from './own-code.js';

const LOCAL_LOSS_KEYS: readonly (keyof OwnLocalLoss)[] = ['heads', 'loss', 'scores', 'unitLength', 'rates'];
const HEAD_KEYS: readonly (keyof LocalHead)[] = ['name', 'outputs', 'bias', 'initialDeviation'];
const RATES: readonly (keyof Rates)[] = ['learningRate', 'headLearningRate', 'weightDecay'];
const CLASSIFIERS = ['goodness', 'softmax', 'last-head', 'all-heads'];
const SCORES = ['log-probabilities', 'outputs'];

export function guardedObjective(name: string, own: AnyOwnObjective): AnyOwnObjective {
  const what = `objective ${name}`;
  if (typeof own === 'object' && own !== null && ('heads' in own || 'loss' in own) && isLocalLoss(own))
    return guardedLocalLoss(what, own);
  if (typeof own !== 'function') {
    const lacks = ['parts', 'begin', 'describe'].filter((key) => typeof given(own)[key] !== 'function');
    const fields = ['variants', 'trains', 'rates', 'classifiers'].filter((key) => given(own)[key] === undefined);
    if (lacks.length + fields.length > 0)
      refuse(
        what,
        'a function that makes a loss, a local loss with heads, or a whole objective',
        typeof own === 'object' && own !== null ? `has no ${[...lacks, ...fields].join(', ')}` : `is ${described(own)}`,
        'Write (settings) => ({ evaluate(positive, negative, positiveGradient, negativeGradient) { … } }).',
      );
    // Prediction by goodness does so, also where a model is read without its plugin: else it would run another network than was trained.
    if (given(own)['variants'] === 2 && given(own)['unitLength'] === false)
      refuse(
        what,
        'one that passes activations on at unit length, as it trains on positive and negative samples',
        'has unitLength false',
        'Leave unitLength true: of longer activations a layer would only measure the length again.',
      );
    // Both read rows of unit length that carry labels.
    const { variants, classifiers } = given(own);
    const ofLabels = Array.isArray(classifiers)
      ? classifiers.filter((one) => one === 'goodness' || one === 'softmax')
      : [];
    if (variants === 1 && ofLabels.length > 0)
      refuse(
        what,
        'one that predicts by heads, as its rows carry no labels',
        `has classifier ${ofLabels.join(', ')}`,
        "Give classifiers: ['last-head', 'all-heads'].",
      );
    checkFields(what, own);
    return own;
  }
  return (settings) => {
    const loss: unknown = called(what, 'it', () => own(settings));
    const { evaluate } = given(loss);
    if (typeof evaluate !== 'function')
      refuse(
        what,
        'a function that makes a loss',
        'gave no function evaluate',
        'Write (settings) => ({ evaluate(…) { … } }).',
      );
    return {
      evaluate: (...rows) => {
        const value: unknown = called(what, 'evaluate', () =>
          (evaluate as (...all: typeof rows) => unknown).apply(loss, rows),
        );
        if (typeof value !== 'number') bad(what, 'evaluate', 'the loss, a number', value);
        const [positive, negative, positiveGradient, negativeGradient] = rows;
        if (Number.isFinite(value))
          checkWritten(what, 'evaluate', { positiveGradient, negativeGradient }, [positive, negative]);
        return value;
      },
    };
  };
}

/** Names in files, which ours do not use for others. */
const HEAD_NAME = /^[a-z][a-z0-9-]*$/;

function guardedLocalLoss(what: string, own: OwnLocalLoss): OwnLocalLoss {
  const WRITE = "Write { heads: [{ outputs: 'classes' }], loss: (settings) => ({ evaluate(batch) { … } }) }.";
  const wrong = (found: string): never => refuse(what, 'a local loss with heads', found, WRITE);
  const { heads, loss } = given(own);
  if (typeof loss !== 'function') wrong(`its loss is ${described(loss)}`);
  if (!Array.isArray(heads) || heads.length === 0)
    wrong(Array.isArray(heads) ? 'it has no heads' : `its heads are given as ${described(heads)}`);
  checkKeys(what, 'a local loss with heads', own, LOCAL_LOSS_KEYS);
  checkRates(what, 'rates', own.rates ?? {}, false);
  if (!SCORES.includes(own.scores ?? 'outputs'))
    wrong(`its scores are ${JSON.stringify(own.scores)}, and not one of ${SCORES.join(', ')}`);
  const names = new Set<string>();
  for (const [i, head] of own.heads.entries()) {
    checkKeys(what, `a local loss whose heads have ${HEAD_KEYS.join(', ')}`, head, HEAD_KEYS);
    const { outputs, name = i === 0 ? 'head' : `head${i + 1}` } = given(head) as Partial<OwnLocalLoss['heads'][0]>;
    if (outputs !== 'classes' && !(Number.isInteger(outputs) && (outputs as number) > 0))
      wrong(`head ${i + 1} has ${described(outputs)} as its outputs`);
    if (i === 0 && outputs !== 'classes') wrong('its first head, which predicts, has other outputs than the classes');
    if (typeof name !== 'string' || !HEAD_NAME.test(name) || names.has(name))
      wrong(
        `head ${i + 1} is called ${JSON.stringify(name)}: names are lower-case letters, digits and dashes, each once`,
      );
    names.add(name);
  }
  return {
    ...own,
    loss: (settings) => {
      const made: unknown = called(what, 'loss', () => own.loss(settings));
      const { evaluate } = given(made);
      if (typeof evaluate !== 'function') wrong('gave no function evaluate');
      return {
        evaluate: (batch) => {
          const value: unknown = called(what, 'evaluate', () =>
            (evaluate as (batch: LocalBatch) => unknown).call(made, batch),
          );
          if (typeof value !== 'number') bad(what, 'evaluate', 'the loss, a number', value);
          const { activations, heads: outputs, activationGradient, headGradients } = batch;
          const named = Object.fromEntries(headGradients.map((each, i) => [`headGradients[${i}]`, each]));
          if (Number.isFinite(value))
            checkWritten(what, 'evaluate', { activationGradient, ...named }, [activations, ...outputs]);
          return value;
        },
      };
    },
  };
}

/** Of a whole objective: what is read before and after training, where it would be found out too late. */
function checkFields(what: string, own: unknown): void {
  const { variants, trains, classifiers, rates } = given(own);
  const wrong = (wanted: string, found: string, hint: string): never => refuse(what, wanted, found, hint);
  if (variants !== 1 && variants !== 2)
    wrong(
      'one with 1 or 2 variants of a sample',
      `has variants ${described(variants)}`,
      'Give variants: 2 for positive and negative rows, else 1.',
    );
  if (trains === 'network')
    wrong(
      'one that trains layers',
      "has trains 'network'",
      'A baseline that trains the whole network is not for plugins.',
    );
  if (trains !== 'layer')
    wrong("one with trains 'layer'", `has trains ${JSON.stringify(trains)}`, "Give trains: 'layer'.");
  const unknown = Array.isArray(classifiers)
    ? classifiers.find((one) => !CLASSIFIERS.includes(String(one)))
    : classifiers;
  if (!Array.isArray(classifiers) || classifiers.length === 0 || unknown !== undefined)
    wrong(
      `one with a list of classifiers, each of ${CLASSIFIERS.join(', ')}`,
      `has classifiers ${JSON.stringify(classifiers)}`,
      typeof unknown === 'string'
        ? didYouMean(unknown, CLASSIFIERS, 'The default comes first.')
        : 'The default comes first.',
    );
  for (const optimizer of ['adam', 'sgd'] as const) {
    const of = given(rates)[optimizer];
    if (typeof of !== 'object' || of === null)
      wrong(
        'one with rates for both optimizers',
        `has no rates.${optimizer}`,
        `Give rates: { adam: { ${RATES.join(', ')} }, sgd: { … } }.`,
      );
    checkRates(what, `rates.${optimizer}`, of as object, true);
  }
}

/** Rates enter specs as defaults: what a spec may not have, no reader of a model would take. */
function checkRates(what: string, place: string, rates: object, whole: boolean): void {
  checkKeys(what, `one whose ${place} has ${RATES.join(', ')}`, rates, RATES);
  for (const field of RATES) {
    const value = given(rates)[field];
    if (value === undefined && !whole) continue;
    const { success } = specFields[field].safeParse(value);
    if (!success)
      refuse(
        what,
        `one whose ${place} is what a spec may have`,
        `has ${place}.${field} ${described(value)}`,
        `pff train --help says what ${field} may be.`,
      );
  }
}

function checkKeys(what: string, wanted: string, found: object, known: readonly string[]): void {
  const unknown = Object.keys(given(found)).find((key) => !known.includes(key));
  if (unknown !== undefined)
    refuse(what, wanted, `has ${unknown}`, didYouMean(unknown, known, `It may have ${known.join(', ')}.`));
}
