/**
 * What shows that a saved model is as it was written: one digest over its tensors and one over its metadata, both in the
 * metadata. Every reader of a model checks them here. Files of earlier versions have only the first.
 */
import { sha256 } from '#platform/hash';
import { PffError } from '../errors.js';
import type { LabelLayout } from '../data/labels.js';
import type { LayerState } from '../layers/layer-state.js';
import { encodeModel, MODEL_FORMAT, statesFromTensors, type SavedModel } from './model-file.js';
import { networkStructure } from './network.js';
import type { Tensor } from '../formats/safetensors.js';
import type { RunSpec } from '../spec/spec.js';
import { modelDigest } from './digest.js';

type Metadata = Readonly<Record<string, string>>;

/** `false` is for looking at a damaged file: nothing is compared with the digests and checksums that it carries. */
export interface VerifyOption {
  readonly verify?: boolean | undefined;
}

const HINT = 'Take the file from where it was made again; --no-verify reads it as it is.';

/** `metadata` with a digest over the spec and all of its entries. */
export function sealed(spec: RunSpec, metadata: Metadata): Metadata {
  return { ...metadata, metadataDigest: metadataDigest(spec, metadata) };
}

/** A model file that carries its digests. */
export function encodeSealed(spec: RunSpec, states: readonly LayerState[], more: Metadata): Uint8Array {
  return encodeModel(spec, states, sealed(spec, more));
}

/** As `checkMetadata`, for a model as it was read. */
export function checkModelMetadata({ writtenSpec, metadata }: SavedModel, name: string): void {
  // The spec in the file's own words is compared apart.
  const { spec: _, format: __, ...rest } = metadata;
  checkMetadata(writtenSpec, rest, name);
}

/**
 * @param spec as it stands in the file, not filled in. @param name what errors call the file.
 * @throws PffError `files` where the metadata are not those that were written.
 */
export function checkMetadata(spec: unknown, metadata: Metadata, name: string): void {
  const { metadataDigest: stated, ...rest } = metadata;
  if (stated !== undefined && stated !== metadataDigest(spec, rest))
    throw new PffError('files', `${name} is damaged: its metadata do not match their digest`, { hint: HINT });
}

/**
 * The layers of a model. @param name what errors call the file.
 * @throws PffError `files` where a tensor is missing or misshapen, or where their values are not those that were written.
 */
export function checkedStates(
  {
    spec,
    tensors,
    metadata,
  }: { readonly spec: RunSpec; readonly tensors: readonly Tensor[]; readonly metadata: Metadata },
  layout: LabelLayout,
  name: string,
  { verify = true }: VerifyOption,
): LayerState[] {
  const states = statesFromTensors(networkStructure(spec, layout), tensors);
  const { modelDigest: stated } = metadata;
  if (!verify || stated === undefined) return states;
  const found = modelDigest(states);
  if (found !== stated)
    throw new PffError('files', `${name} is damaged: the digest of its weights is ${found}, but it says ${stated}`, {
      hint: HINT,
    });
  return states;
}

/** Hex SHA-256 over format, spec and the other entries, by name. */
function metadataDigest(spec: unknown, metadata: Metadata): string {
  const all = { ...metadata, format: MODEL_FORMAT, spec: JSON.stringify(spec) };
  const entries = Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sha256().update(JSON.stringify(entries)).hex();
}
