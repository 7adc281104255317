/** Which objective a spec names. */
import { PffError } from '../../errors.js';
import type { RunSpec } from '../../spec/spec.js';
import { ownObjective } from '../own-parts.js';
import { GoodnessObjective } from './goodness.js';
import { hintonLoss, symbaLoss, type GoodnessLoss } from './goodness-losses.js';
import { LocalHeadObjective } from './local-head.js';
import type { LayerObjective } from './objective.js';
import { PeerNormalization } from './peer.js';

/**
 * The layer-local objective of `spec`, for one layer in one chapter. Backpropagation baselines have none: they are trained
 * whole (node/baselines/backprop.ts).
 */
export function layerObjective(spec: RunSpec): LayerObjective {
  switch (spec.objective) {
    case 'goodness':
      return onGoodness(spec, hintonLoss(spec.threshold, spec.steepness));
    case 'symba':
      return onGoodness(spec, symbaLoss(spec.steepness));
    case 'performance-optimized':
      return new LocalHeadObjective('performance-optimized');
    case 'mono-forward':
      return new LocalHeadObjective('mono-forward');
    case 'backprop':
    case 'backprop-heads':
      throw new PffError('usage', `objective ${spec.objective} does not train layer by layer`);
    default:
      return onGoodness(spec, ownObjective(spec));
  }
}

function onGoodness(spec: RunSpec, loss: GoodnessLoss): LayerObjective {
  const peers = spec.peerNormalization > 0 ? new PeerNormalization(spec.peerNormalization, spec.goodness) : undefined;
  return new GoodnessObjective(loss, spec.goodness, peers);
}
