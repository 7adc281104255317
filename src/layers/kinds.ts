/** The table of layer kinds: the only list of them. A new kind is one file and one entry here. */
import { PffError } from '../errors.js';
import { dense, type DenseDescription, type DenseGeometry } from './dense.js';
import type { Geometry, LayerKind } from './layer-kind.js';

/** How a spec describes a layer, whatever its kind. */
export type LayerDescription = DenseDescription;

const KINDS = { dense } as const;

export const layerKinds: readonly LayerKind<LayerDescription, DenseGeometry>[] = Object.values(KINDS);

/** The kind that a geometry or a description names. @throws PffError `usage` for one that pff does not have */
export function kindOf({ kind }: Pick<Geometry | LayerDescription, 'kind'>): LayerKind<LayerDescription, Geometry> {
  const found: unknown = Object.hasOwn(KINDS, kind) ? KINDS[kind as keyof typeof KINDS] : undefined;
  if (found === undefined)
    throw new PffError('usage', `there is no kind of layer called ${kind}`, {
      hint: `Kinds are ${Object.keys(KINDS).join(', ')}.`,
    });
  // The table pairs each kind's name with its own geometry, so a kind only ever sees its own.
  return found as LayerKind<LayerDescription, Geometry>;
}
