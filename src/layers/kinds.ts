/** The table of layer kinds: the only list of them. A new kind is one file and one entry here. */
import { PffError } from '../errors.js';
import { conv } from './conv/conv.js';
import type { ConvDescription } from './conv/description.js';
import { dense, type DenseDescription } from './dense.js';
import { groupHead } from './group-head.js';
import type { Geometry, LayerKind } from './layer-kind.js';
import { pooledHead } from './pooled-head.js';

/** How a spec describes a layer, whatever its kind. */
export type LayerDescription = DenseDescription | ConvDescription;

/** Those that specs describe. Each one sees descriptions and geometries of its own kind only. */
export const layerKinds = [dense, conv] as unknown as readonly LayerKind<LayerDescription, Geometry>[];

/** All, with those that come with objectives. */
const KINDS = new Map<string, unknown>([...layerKinds, pooledHead, groupHead].map((each) => [each.kind, each]));

/** The kind that a geometry or a description names. @throws PffError `usage` for one that pff does not have */
export function kindOf({ kind }: { readonly kind: string }): LayerKind<LayerDescription, Geometry> {
  const found = KINDS.get(kind);
  if (found === undefined)
    throw new PffError('usage', `there is no kind of layer called ${kind}`, {
      hint: `Kinds are ${layerKinds.map((each) => each.kind).join(', ')}.`,
    });
  return found as LayerKind<LayerDescription, Geometry>;
}
