/**
 * A user's own goodness, negatives and schedules as they are called: what is no such part is refused when it is registered, and what it
 * throws or gives back that is of no use is its own fault and said to be so, not this program's. Objectives: guarded-objective.ts.
 */
import type { OwnNegatives } from '../data/negatives-table.js';
import { described } from '../known-options.js';
import type { OwnGoodness } from '../objectives/goodness.js';
import { bad, called, checkWritten, given, refuse } from './own-code.js';
import type { RateSchedule } from './rate-schedules.js';

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
