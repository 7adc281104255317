/** The numbers that shaders are given with each call. */
import type { UpdateRule } from '../operands.js';

/** The scalars of an update rule, as their bits. */
export const RULE_PARAMETERS = ['beta1', 'beta2', 'fresh1', 'fresh2', 'negativeStep', 'halfEpsilon', 'keep'] as const;
export type RuleParameter = (typeof RULE_PARAMETERS)[number];

/** Of one call of a dense layer; all u32, flags as 0 or 1. */
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
] as const;
export type Parameter = (typeof PARAMETERS)[number];

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
