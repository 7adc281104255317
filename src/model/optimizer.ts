/** The optimizer's settings for one step of a run: learning rate with cooldown, Adam's bias correction, decay. */
import type { UpdateRule } from '../kernels/kernels.js';
import { integerPower } from '../math.js';
import { rateSchedules, warmupFactor } from '../spec/rate-schedules.js';
import type { RunSpec } from '../spec/spec.js';

/**
 * The rule of the next step; see `AdamRule` and `SgdRule` for the formulas.
 * @param stepsTaken steps that the layer has taken before this one.
 * @param progress share of the phase of the run that lies before this step, 0 … 1.
 */
export function updateRule(spec: RunSpec, rate: number, stepsTaken: number, progress: number): UpdateRule {
  const now = rate * rateSchedules.get(spec.schedule)(progress, spec) * warmupFactor(spec.warmup, progress);
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
