/** Adam's settings for one step of a run: learning rate with cooldown, bias correction, decay. */
import type { AdamRule } from '../kernels/kernels.js';
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
 * The rule of Adam's next step; see `AdamRule` for the formulas.
 * @param stepsTaken Adam steps that the layer has taken before this one.
 * @param progress share of the run that lies before this step, 0 … 1.
 */
export function adamRule(spec: RunSpec, rate: number, stepsTaken: number, progress: number): AdamRule {
  const now = rate * rateFactor(spec, progress);
  const correction2 = Math.sqrt(1 - integerPower(spec.beta2, stepsTaken + 1));
  const epsilon = spec.epsilon * correction2;
  return {
    kind: 'adam',
    beta1: spec.beta1,
    beta2: spec.beta2,
    stepSize: (now * correction2) / (1 - integerPower(spec.beta1, stepsTaken + 1)),
    epsilonSquared: epsilon * epsilon,
    keep: 1 - now * spec.weightDecay,
  };
}
