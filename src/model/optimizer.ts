/** The optimizer's settings for one step of a run: learning rate with cooldown, Adam's bias correction, decay. */
import type { UpdateRule } from '../kernels/kernels.js';
import { integerPower } from '../math.js';
import { rateSchedules, warmupFactor } from '../spec/rate-schedules.js';
import type { RunSpec } from '../spec/spec.js';
import type { Phase } from './chapter.js';

/**
 * The rule of the next step; see `AdamRule` and `SgdRule` for the formulas.
 * @param stepsTaken steps that the layer has taken before this one.
 * @param progress share of the phase of the run that lies before this step, 0 … 1.
 * @param phase how long that phase is; the whole run unless given.
 */
export function updateRule(
  spec: RunSpec,
  rate: number,
  stepsTaken: number,
  progress: number,
  phase: Phase = spec,
): UpdateRule {
  const { epochs, splits } = phase;
  // A run that goes on in a new phase keeps its past: what a schedule is told of the first one stays as it was.
  const factor = rateSchedules.get(spec.schedule)(progress, { epochs, splits, cooldownAfter: spec.cooldownAfter });
  const now = rate * factor * warmupFactor(spec.warmup, progress);
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
