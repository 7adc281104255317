/** The optimizer's settings for one step of a run: learning rate with cooldown, Adam's bias correction, decay. */
import type { UpdateRule } from '../kernels/kernels.js';
import { integerPower } from '../math.js';
import { ownSchedule } from './own-parts.js';
import type { RunSpec } from '../spec/spec.js';

/** Share of the full learning rate at `progress` (0 … 1 of the run): 1, then linearly to 0 from `cooldownAfter` on. */
export function cooldown(cooldownAfter: number, progress: number): number {
  return progress < cooldownAfter || cooldownAfter === 1 ? 1 : (1 - progress) / (1 - cooldownAfter);
}

/** What the learning rate is multiplied by at `progress` (0 … 1 of the run), by the spec's schedule. */
function rateFactor(spec: RunSpec, progress: number): number {
  return spec.schedule === 'cooldown'
    ? cooldown(spec.cooldownAfter, progress)
    : ownSchedule(spec.schedule)(progress, spec);
}

/**
 * The rule of the next step; see `AdamRule` and `SgdRule` for the formulas.
 * @param stepsTaken steps that the layer has taken before this one.
 * @param progress share of the run that lies before this step, 0 … 1.
 */
export function updateRule(spec: RunSpec, rate: number, stepsTaken: number, progress: number): UpdateRule {
  const now = rate * rateFactor(spec, progress);
  const keep = 1 - now * spec.weightDecay;
  if (spec.optimizer === 'sgd') return { kind: 'sgd', momentum: spec.momentum, stepSize: now, keep };
  const correction2 = Math.sqrt(1 - integerPower(spec.beta2, stepsTaken + 1));
  const epsilon = spec.epsilon * correction2;
  return {
    kind: 'adam',
    beta1: spec.beta1,
    beta2: spec.beta2,
    stepSize: (now * correction2) / (1 - integerPower(spec.beta1, stepsTaken + 1)),
    epsilonSquared: epsilon * epsilon,
    keep,
  };
}
