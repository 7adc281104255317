/**
 * A user's own parts as they are called: what is no such part is refused when it is registered, and what it throws or gives back
 * that is of no use is its own fault and said to be so, not this program's.
 */
import type { OwnNegatives } from '../data/negatives-table.js';
import { messageOf, PffError } from '../errors.js';
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
        typeof own === 'object' && own !== null ? `has no ${[...lacks, ...fields].join(', ')}` : `is ${kindOf(own)}`,
        'Write (settings) => ({ evaluate(positive, negative, positiveGradient, negativeGradient) { … } }).',
      );
    return own;
  }
  return (settings) => {
    const loss: unknown = called(what, () => own(settings));
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
        const value: unknown = called(what, () => (evaluate as (...all: typeof rows) => unknown).apply(loss, rows));
        return typeof value === 'number' ? value : bad(what, 'evaluate', 'the loss, a number', value);
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
  if (typeof loss !== 'function') wrong(`its loss is ${kindOf(loss)}`);
  if (!Array.isArray(heads) || heads.length === 0)
    wrong(`its heads are ${Array.isArray(heads) ? 'none' : kindOf(heads)}`);
  const names = new Set<string>();
  for (const [i, head] of own.heads.entries()) {
    const { outputs, name = i === 0 ? 'head' : `head${i + 1}` } = given(head) as Partial<OwnLocalLoss['heads'][0]>;
    if (outputs !== 'classes' && !(Number.isInteger(outputs) && (outputs as number) > 0))
      wrong(`head ${i + 1} has ${kindOf(outputs)} as its outputs`);
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
      const made: unknown = called(what, () => own.loss(settings));
      const { evaluate } = given(made);
      if (typeof evaluate !== 'function') wrong('gave no function evaluate');
      return {
        evaluate: (batch) => {
          const value: unknown = called(what, () => (evaluate as (batch: LocalBatch) => unknown).call(made, batch));
          return typeof value === 'number' ? value : bad(what, 'evaluate', 'the loss, a number', value);
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
      typeof own === 'object' && own !== null ? `has no function ${lacks.join(' and ')}` : `is ${kindOf(own)}`,
      'Write { of: (row) => a number, gradient: (row, out) => { … } }.',
    );
  return {
    of: (row) => {
      const value: unknown = called(what, () => own.of(row));
      return typeof value === 'number' ? value : bad(what, 'of', 'a number', value);
    },
    gradient: (row, out) => called(what, () => own.gradient(row, out)),
  };
}

export function guardedNegatives(name: string, own: OwnNegatives): OwnNegatives {
  const what = `negatives ${name}`;
  if (typeof own !== 'function')
    refuse(
      what,
      'a function that draws labels',
      `is ${kindOf(own)}`,
      'Write ({ labels, classes, stream, out }) => { … }.',
    );
  return (request) => called(what, () => own(request));
}

export function guardedSchedule(name: string, own: RateSchedule): RateSchedule {
  const what = `schedule ${name}`;
  if (typeof own !== 'function')
    refuse(
      what,
      'a function of the progress',
      `is ${kindOf(own)}`,
      'Write (progress, settings) => a factor of the rate.',
    );
  return (progress, settings) => {
    const value: unknown = called(what, () => own(progress, settings));
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
    return bad(what, `at progress ${progress} it`, 'a finite number of at least 0', value);
  };
}

/** Runs own code. @throws PffError `training` saying whose failure it was */
function called<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PffError) throw error;
    throw new PffError('training', `${what}, of a plugin, failed: ${messageOf(error)}`, {
      hint: 'Mend it in the file that registers it; PFF_DEBUG=1 shows where it failed.',
      cause: error,
    });
  }
}

function bad(what: string, call: string, wanted: string, found: unknown): never {
  throw new PffError('training', `${what}, of a plugin: ${call} must give ${wanted}, but gave ${kindOf(found)}`, {
    hint: 'Mend it in the file that registers it.',
  });
}

function refuse(what: string, wanted: string, found: string, hint: string): never {
  throw new PffError('usage', `${what} must be ${wanted}, but ${found}`, { hint });
}

function given(value: unknown): Given {
  return (typeof value === 'object' && value !== null) || typeof value === 'function' ? (value as Given) : {};
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number') return String(value);
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
