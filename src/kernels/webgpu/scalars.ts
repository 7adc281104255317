/** The numbers that shaders are given with each call. */
import type { DropoutMask } from '../dropout.js';
import { dropoutScale } from '../dropout.js';
import type { UpdateRule } from '../operands.js';
import { wordsOf } from './double-program.js';

/**
 * Of one call; all u32, flags as 0 or 1, f32 scalars as their bits. `samples` are those of the batch (half its rows for losses of goodness above the
 * first layer); `skip`: values of an image before its prefix; `picksAt`, `historyAt`: where a step of a trainer has its samples and leaves its sums;
 * `factor`: a double for its loss; `name`, `threshold`, `dropScale`: of a dropout mask.
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
  'beta1',
  'beta2',
  'fresh1',
  'fresh2',
  'negativeStep',
  'halfEpsilon',
  'keep',
  'samples',
  'skip',
  'picksAt',
  'historyAt',
  'factorLow',
  'factorHigh',
  'threshold',
  'dropScale',
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

const { fround } = Math;

export function bitsOf(x: number): number {
  return new Uint32Array(Float32Array.of(x).buffer)[0] ?? 0;
}

/** The scalars of a rule as the bits of f32 values, by the names that shaders have for them. */
export function scalars(rule: UpdateRule): ParameterValues {
  const common = { negativeStep: bitsOf(-rule.stepSize), keep: bitsOf(rule.keep) };
  if (rule.kind === 'sgd') return { ...common, beta1: bitsOf(rule.momentum) };
  return {
    ...common,
    beta1: bitsOf(rule.beta1),
    beta2: bitsOf(rule.beta2),
    fresh1: bitsOf(1 - fround(rule.beta1)),
    fresh2: bitsOf(1 - fround(rule.beta2)),
    halfEpsilon: bitsOf(-0.5 * fround(rule.epsilonSquared)),
  };
}

export function factorWords(factor: number): ParameterValues {
  const [factorLow, factorHigh] = wordsOf(factor);
  return { factorLow, factorHigh };
}

export function maskScalars(mask: DropoutMask): ParameterValues {
  const [name0 = 0, name1 = 0, name2 = 0, name3 = 0, name4 = 0] = mask.name;
  return { threshold: mask.threshold, dropScale: bitsOf(dropoutScale(mask)), name0, name1, name2, name3, name4 };
}
