/**
 * A user's own parts as they are called: what is no such part is refused when it is registered, and what it throws or gives back
 * that is of no use is its own fault and said to be so, not this program's.
 */
import type { OwnNegatives } from '../data/negatives-table.js';
import { messageOf, PffError } from '../errors.js';
import { described } from '../known-options.js';
import type { OwnGoodness } from '../objectives/goodness.js';
import type { LocalBatch, OwnLocalLoss } from '../objectives/own-local-loss.js';
import { isLocalLoss, type AnyOwnObjective } from '../objectives/table.js';
import type { RateSchedule } from './rate-schedules.js';

type Given = Readonly<Record<string, unknown>>;

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
  const names = new Set<string>();
  for (const [i, head] of own.heads.entries()) {
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

export function guardedGoodness(name: string, own: OwnGoodness): OwnGoodness {
  const what = `goodness ${name}`;
  const lacks = ['of', 'gradient'].filter((key) => typeof given(own)[key] !== 'function');
  if (lacks.length > 0)
    refuse(
      what,
      'an object with the functions of and gradient',
      typeof own === 'object' && own !== null ? `has no function ${lacks.join(' and ')}` : `is ${described(own)}`,
      'Write { of: (row) => a number, gradient: (row, out) => { … } }.',
    );
  return {
    of: (row) => {
      const value: unknown = called(what, 'of', () => own.of(row));
      return typeof value === 'number' ? value : bad(what, 'of', 'a number', value);
    },
    gradient: (row, out) => {
      called(what, 'gradient', () => own.gradient(row, out));
      checkWritten(what, 'gradient', { out }, [row]);
    },
  };
}

export function guardedNegatives(name: string, own: OwnNegatives): OwnNegatives {
  const what = `negatives ${name}`;
  if (typeof own !== 'function')
    refuse(
      what,
      'a function that draws labels',
      `is ${described(own)}`,
      'Write ({ labels, classes, stream, out }) => { … }.',
    );
  return (request) => called(what, 'it', () => own(request));
}

export function guardedSchedule(name: string, own: RateSchedule): RateSchedule {
  const what = `schedule ${name}`;
  if (typeof own !== 'function')
    refuse(
      what,
      'a function of the progress',
      `is ${described(own)}`,
      'Write (progress, settings) => a factor of the rate.',
    );
  return (progress, settings) => {
    const value: unknown = called(what, 'it', () => own(progress, settings));
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
    return bad(what, `at progress ${progress} it`, 'a finite number of at least 0', value);
  };
}

/** Runs own code. @throws PffError `training` saying whose failure it was, or that it is not done when it returns */
function called<T>(what: string, call: string, work: () => T): T {
  try {
    const value = work();
    const { then } = given(value);
    if (typeof then !== 'function') return value;
    // What it fails with later must not end the process before this refusal is read.
    void Promise.resolve(value).catch(() => {});
    throw new PffError('training', `${what}, of a plugin: ${call} must not be async: it gave a promise`, {
      hint: 'Mend it in the file that registers it: what it computes must be there when it returns.',
    });
  } catch (error) {
    if (error instanceof PffError) throw error;
    throw new PffError('training', `${what}, of a plugin, failed: ${messageOf(error)}`, {
      hint: 'Mend it in the file that registers it; PFF_DEBUG=1 shows where it failed.',
      cause: error,
    });
  }
}

type Values = Float32Array | Float64Array;

/**
 * Layers would take up what is not finite though the loss looks right. (Where the loss itself is not finite, training says so.)
 * @throws PffError `training` naming the array
 */
function checkWritten(
  what: string,
  call: string,
  written: Readonly<Record<string, Values>>,
  read: readonly Values[],
): void {
  for (const [name, values] of Object.entries(written)) {
    const at = notFinite(values);
    if (at < 0) continue;
    throw new PffError('training', `${what}, of a plugin: ${call} wrote ${values[at]} to ${name}[${at}]`, {
      hint: read.every((each) => notFinite(each) < 0)
        ? 'A gradient must be finite: mend it in the file that registers it.'
        : 'It was given values that are not finite either: lower --learning-rate or --init-scale.',
    });
  }
}

/** The first place that layers, which count in 32 bits, would take as not finite; -1 for none. */
function notFinite(values: Values): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(Math.fround(values[i] as number))) return i;
  return -1;
}

function bad(what: string, call: string, wanted: string, found: unknown): never {
  throw new PffError('training', `${what}, of a plugin: ${call} must give ${wanted}, but gave ${described(found)}`, {
    hint: 'Mend it in the file that registers it.',
  });
}

function refuse(what: string, wanted: string, found: string, hint: string): never {
  throw new PffError('usage', `${what} must be ${wanted}, but ${found}`, { hint });
}

function given(value: unknown): Given {
  return (typeof value === 'object' && value !== null) || typeof value === 'function' ? (value as Given) : {};
}
