/** The numbers that shaders are given with each call. */
import type { DropoutMask } from '../dropout.js';
import { dropoutScale } from '../dropout.js';
import type { UpdateRule } from '../operands.js';
import { wordsOf } from './double-program.js';

/** The scalars of an update rule, as their bits. */
export const RULE_PARAMETERS = ['beta1', 'beta2', 'fresh1', 'fresh2', 'negativeStep', 'halfEpsilon', 'keep'] as const;
export type RuleParameter = (typeof RULE_PARAMETERS)[number];

/**
 * Of one call of a dense layer; all u32, flags as 0 or 1, f32 scalars as their bits. `samples` are those of the batch (half its rows for losses of
 * goodness above the first layer); `skip`: values of an image before its prefix; `picksAt`, `historyAt`: where a step of a trainer has its samples and
 * leaves its sums; `factor`: a double for its loss; `name`, `threshold`, `dropScale`: of a dropout mask;
 * `channels`: values that it decides on, which it does in the same way for all places of a row.
 */
export const PARAMETERS = [
  'batch',
  'variants',
  'rows',
  'prefixInputs',
  'suffixInputs',
  'outputs',
  'scaled',
  'relu',
  ...RULE_PARAMETERS,
  'samples',
  'skip',
  'picksAt',
  'historyAt',
  'factorLow',
  'factorHigh',
  'threshold',
  'dropScale',
  'channels',
  'name0',
  'name1',
  'name2',
  'name3',
  'name4',
] as const;
export type Parameter = (typeof PARAMETERS)[number];
export type ParameterValues = Partial<Record<Parameter, number>>;

/** Bytes from one set of parameters to the next in a buffer: what devices ask for at most. */
export const SLOT_BYTES = 256;

export function parameterWords(values: ParameterValues): Uint32Array {
  return Uint32Array.from(PARAMETERS, (name) => values[name] ?? 0);
}

const { fround } = Math;

/** The bits of fround(x). */
export function bits(x: number): number {
  return new Uint32Array(Float32Array.of(x).buffer)[0] ?? 0;
}

/** The scalars of a rule as the bits of f32 values, by the names that shaders have for them. */
export function scalars(rule: UpdateRule): Partial<Record<RuleParameter, number>> {
  const common = { negativeStep: bits(-rule.stepSize), keep: bits(rule.keep) };
  if (rule.kind === 'sgd') return { ...common, beta1: bits(rule.momentum) };
  return {
    ...common,
    beta1: bits(rule.beta1),
    beta2: bits(rule.beta2),
    fresh1: bits(1 - fround(rule.beta1)),
    fresh2: bits(1 - fround(rule.beta2)),
    halfEpsilon: bits(-0.5 * fround(rule.epsilonSquared)),
  };
}

export function factorWords(factor: number): ParameterValues {
  const [factorLow, factorHigh] = wordsOf(factor);
  return { factorLow, factorHigh };
}

/** @param channels that are dropped whole; without planes all values of a row */
export function maskScalars(mask: DropoutMask, channels: number): ParameterValues {
  const [name0 = 0, name1 = 0, name2 = 0, name3 = 0, name4 = 0] = mask.name;
  const { threshold } = mask;
  return { threshold, dropScale: bits(dropoutScale(mask)), channels, name0, name1, name2, name3, name4 };
}
