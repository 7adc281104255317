/** A trained network as a safetensors file: weights and biases of every layer and head, the spec in its metadata. */
import { PffError } from '../errors.js';
import { type PartialSpec, resolveSpec, type RunSpec } from '../spec/spec.js';
import { allocateState, type LayerShape, type LayerState } from './layer-state.js';
import { allShapes, type NetworkShape } from './network.js';
import { decodeSafetensors, encodeSafetensors, type Tensor } from '../formats/safetensors.js';

/** Tensors of a network in the order that `modelDigest` takes them: layer by layer weights, bias, then its head's. */
export function modelTensors(states: readonly LayerState[]): Tensor[] {
  return states.flatMap((state) =>
    state.dense.flatMap((tensors, part) => {
      const name = tensorName(state.shape, part);
      return [
        { name: `${name}.weight`, shape: [tensors.inputs, tensors.outputs], values: tensors.weights },
        { name: `${name}.bias`, shape: [tensors.outputs], values: tensors.bias },
      ];
    }),
  );
}

/** `layer1`, `layer1.head`, …, `classifier`. Layers are numbered from 1 for users. */
function tensorName(shape: LayerShape, part: number): string {
  const role = shape.dense[part]?.role;
  if (part === 0) return role === 'head' ? 'classifier' : `layer${shape.layer + 1}`;
  return `layer${shape.layer + 1}.head`;
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
export function statesFromTensors(network: NetworkShape, tensors: readonly Tensor[]): LayerState[] {
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
  return allShapes(network).map((shape) => {
    const state = allocateState(shape);
    state.dense.forEach((dense, part) => {
      const name = tensorName(shape, part);
      fill(`${name}.weight`, [dense.inputs, dense.outputs], dense.weights);
      fill(`${name}.bias`, [dense.outputs], dense.bias);
    });
    return state;
  });
}
