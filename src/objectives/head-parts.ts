/** The parts of layers that learn from a softmax head: what objectives with heads have in common. */
import type { PartStructure } from '../layers/layer-kind.js';
import { headOn } from '../layers/pooled-head.js';
import type { LayerPlace, ObjectiveSettings } from './objective.js';

/** The layer itself, with activations of mean square `meanSquareAtStart` for rows of unit length. */
export function layerPart(
  { initScale }: ObjectiveSettings,
  { geometry, labelInputs }: LayerPlace,
  meanSquareAtStart: number,
): PartStructure {
  return { role: 'layer', geometry, labelInputs, initialDeviation: initScale * Math.sqrt(2 * meanSquareAtStart) };
}

/** A linear head on a layer's activations (on averages of them where they are large planes), from weights of 0 unless a deviation is given. */
export function headPart(
  { geometry, classes }: LayerPlace,
  { initialDeviation = 0, withoutBias = false }: { initialDeviation?: number; withoutBias?: boolean } = {},
): PartStructure {
  return {
    role: 'head',
    geometry: headOn(geometry, classes),
    labelInputs: 0,
    initialDeviation,
    ...(withoutBias ? { withoutBias } : {}),
  };
}

/** Where activations pass on as they are, upper layers begin as He et al. (2015) have it; the first one as `first` says. */
export function heStart({ geometry, layer }: LayerPlace, first: number): number {
  return layer > 0 ? 1 / geometry.inputs : first;
}
