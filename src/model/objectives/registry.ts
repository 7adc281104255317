/** Which objective a spec names. */
import { PffError } from '../../errors.js';
import type { RunSpec } from '../../spec/spec.js';
import { ownObjective } from '../own-parts.js';
import { GoodnessObjective, hintonLoss, symbaLoss } from './goodness.js';
import type { LayerObjective } from './objective.js';
import { PerformanceOptimizedObjective } from './performance-optimized.js';

/** The layer-local objective of `spec`. Backpropagation baselines have none: they are trained whole (node/backprop.ts). */
export function layerObjective(spec: RunSpec): LayerObjective {
  switch (spec.objective) {
    case 'goodness':
      return new GoodnessObjective(hintonLoss(spec.threshold, spec.steepness), spec.goodness);
    case 'symba':
      return new GoodnessObjective(symbaLoss(spec.steepness), spec.goodness);
    case 'performance-optimized':
      return new PerformanceOptimizedObjective();
    case 'backprop':
    case 'backprop-heads':
      throw new PffError('usage', `objective ${spec.objective} does not train layer by layer`);
    default:
      return new GoodnessObjective(ownObjective(spec), spec.goodness);
  }
}
