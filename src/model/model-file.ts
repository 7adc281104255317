/** A trained network as a safetensors file: weights and biases of every layer and head, the spec in its metadata. */
import { PffError } from '../errors.js';
import { type PartialSpec, resolveSpec, type RunSpec } from '../spec/spec.js';
import { allocateState, namedParameters, type LayerState } from '../layers/layer-state.js';
import { allStructures, type NetworkStructure } from './network.js';
import { decodeSafetensors, encodeSafetensors, type Tensor } from '../formats/safetensors.js';

/** Tensors of a network in the order that `modelDigest` takes them: layer by layer its parameters, then its head's. */
export function modelTensors(states: readonly LayerState[]): Tensor[] {
  return states.flatMap(namedParameters);
}

export function encodeModel(
  spec: RunSpec,
  states: readonly LayerState[],
  more: Readonly<Record<string, string>>,
): Uint8Array {
  return encodeSafetensors({
    tensors: modelTensors(states),
    metadata: { format: 'pff/1', spec: JSON.stringify(spec), ...more },
  });
}

/** Reads a model's spec, without its tensors' shapes being checked. */
export function decodeModel(bytes: Uint8Array): {
  spec: RunSpec;
  tensors: readonly Tensor[];
  metadata: Readonly<Record<string, string>>;
} {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata['format'] !== 'pff/1' || metadata['spec'] === undefined)
    throw new PffError(
      'files',
      'the file is safetensors, but not a model of pff: its metadata has no format pff/1 and spec',
    );
  return { spec: resolveSpec(JSON.parse(metadata['spec']) as PartialSpec, 'any'), tensors, metadata };
}

/** The states of a network from a model's tensors; moments are 0. @throws PffError `files` where a tensor is missing or misshapen. */
export function statesFromTensors(network: NetworkStructure, tensors: readonly Tensor[]): LayerState[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const fill = (name: string, shape: readonly number[], into: Float32Array): void => {
    const tensor = byName.get(name);
    if (!tensor || tensor.shape.join() !== shape.join())
      throw new PffError(
        'files',
        `the model needs tensor ${name} [${shape.join(', ')}], but ${tensor ? `it is [${tensor.shape.join(', ')}]` : 'it is not there'}`,
      );
    into.set(tensor.values);
  };
  return allStructures(network).map((structure) => {
    const state = allocateState(structure);
    for (const { name, shape, values } of namedParameters(state)) fill(name, shape, values);
    return state;
  });
}
