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

const KINDS = { dense, conv, 'pooled-head': pooledHead, 'group-head': groupHead } as const;

/** Those that specs describe. */
export const layerKinds = [dense, conv] as unknown as readonly LayerKind<LayerDescription, Geometry>[];

/** The kind that a geometry or a description names. @throws PffError `usage` for one that pff does not have */
export function kindOf({ kind }: { readonly kind: string }): LayerKind<LayerDescription, Geometry> {
  const found: unknown = Object.hasOwn(KINDS, kind) ? KINDS[kind as keyof typeof KINDS] : undefined;
  if (found === undefined)
    throw new PffError('usage', `there is no kind of layer called ${kind}`, {
      hint: `Kinds are ${layerKinds.map((each) => each.kind).join(', ')}.`,
    });
  // The table pairs each kind's name with its own geometry, so a kind only ever sees its own.
  return found as LayerKind<LayerDescription, Geometry>;
}
