/**
 * The state of one trained layer: parameters, the optimizer's moments and step count, of the layer itself and of the softmax
 * head it may have. It travels whole (PAPER: without the optimizer state another node cannot continue a layer), so it
 * lies in one buffer that threads can share.
 */
import type { Kernels } from '../kernels/kernels.js';
import { PffError, messageOf } from '../errors.js';
import { sharedBuffer } from '../platform/shared-memory.js';
import { RandomStream } from '../random.js';
import { kindOf } from './kinds.js';
import type { OpenOptions, OpenPart, ParameterShape, PartStructure, PartTensors } from './layer-kind.js';

/** What the state of a layer consists of. `layer` counts from 0; the softmax classifier comes after the last layer. */
export interface LayerStructure {
  readonly layer: number;
  /** [layer], [layer, head], [layer, head, further parts of its loss], or [head] for the classifier. */
  readonly parts: readonly PartStructure[];
}

export interface LayerState {
  readonly structure: LayerStructure;
  /** Optimizer steps taken so far. */
  readonly steps: number;
  /** The memory of all parts' tensors, one after the other, as little-endian f32. */
  readonly buffer: ArrayBufferLike;
  /** One per entry of `structure.parts`, as views of `buffer`. */
  readonly parts: readonly PartTensors[];
}

/** A tensor of a layer with its name in files. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Bytes of a state's buffer: each parameter and its two moments. */
export function stateBytes(structure: LayerStructure): number {
  return 3 * parameterBytes(structure);
}

/** Bytes of a state's parameters alone, without the optimizer's moments. */
export function parameterBytes({ parts }: LayerStructure): number {
  return 4 * parts.flatMap(parametersOf).reduce((sum, parameter) => sum + sizeOf(parameter), 0);
}

/** Values of a row that enters the layer, and of one that leaves it. */
export function rowInputs({ parts }: LayerStructure): number {
  return parts[0]?.geometry.inputs ?? 0;
}

export function rowOutputs({ parts }: LayerStructure): number {
  return parts[0]?.geometry.outputs ?? 0;
}

/** Gives `buffer` its structure. @throws PffError `files` if its length does not fit. */
export function viewState(structure: LayerStructure, steps: number, buffer: ArrayBufferLike): LayerState {
  if (buffer.byteLength !== stateBytes(structure))
    throw new PffError(
      'files',
      `layer ${structure.layer + 1}: expected a state of ${stateBytes(structure)} bytes, found ${buffer.byteLength}`,
    );
  let offset = 0;
  const take = (parameter: ParameterShape): Float32Array => {
    const view = new Float32Array(buffer, offset, sizeOf(parameter));
    offset += view.byteLength;
    return view;
  };
  const parts = structure.parts.map((part): PartTensors => {
    const shapes = parametersOf(part);
    return { parameters: shapes.map(take), moment1: shapes.map(take), moment2: shapes.map(take) };
  });
  return { structure, steps, buffer, parts };
}

/** A state of zeros, in memory that threads can share. @throws PffError `memory` */
export function allocateState(structure: LayerStructure, steps = 0): LayerState {
  const bytes = stateBytes(structure);
  try {
    return viewState(structure, steps, sharedBuffer(bytes));
  } catch (error) {
    if (error instanceof PffError) throw error;
    const sizes = structure.parts.map(({ geometry }) => `${geometry.inputs} x ${geometry.outputs}`).join(' and ');
    throw new PffError(
      'memory',
      `layer ${structure.layer + 1} (${sizes}) needs ${(bytes / 1e9).toFixed(2)} GB, which could not be had: ${messageOf(error)}`,
      {
        hint: 'Choose smaller --layers.',
        cause: error,
      },
    );
  }
}

/** The state before the first chapter: keyed random parameters as each kind has them, all else 0. */
export function initialState(structure: LayerStructure, seed: number): LayerState {
  const state = allocateState(structure);
  structure.parts.forEach((part, index) => {
    const stream = new RandomStream(seed, 'weights', structure.layer, index);
    kindOf(part.geometry).initialise(part, state.parts[index] as PartTensors, stream);
  });
  return state;
}

/** Opens a layer's parts in a backend: for training with as many rows as `options` say, or for inference. */
export async function openState(
  kernels: Kernels,
  { structure, parts }: LayerState,
  options: OpenOptions,
): Promise<OpenPart[]> {
  const opened: OpenPart[] = [];
  try {
    for (const [index, part] of structure.parts.entries())
      opened.push(await kindOf(part.geometry).open(kernels, part, parts[index] as PartTensors, options));
  } catch (error) {
    closeParts(opened);
    throw error;
  }
  return opened;
}

export function closeParts(opened: readonly OpenPart[]): void {
  for (const { kernel } of opened) kernel.close();
}

/** Parameters by the names that files have for them: `layer1.weight`, `layer1.head.bias`, …, `classifier.weight`. */
export function namedParameters({ structure, parts }: LayerState): NamedTensor[] {
  return structure.parts.flatMap((part, index) =>
    parametersOf(part).map(({ name, shape }, at) => ({
      name: `${partName(structure, index)}.${name}`,
      shape,
      values: (parts[index] as PartTensors).parameters[at] as Float32Array,
    })),
  );
}

/** `layer1`, `layer1.head`, …, `classifier`. Layers are numbered from 1 for users. */
export function partName({ layer, parts }: LayerStructure, part: number): string {
  if (part > 0) {
    const { role = 'head', name = role } = parts[part] ?? {};
    return `layer${layer + 1}.${name}`;
  }
  return parts[0]?.role === 'head' ? 'classifier' : `layer${layer + 1}`;
}

function parametersOf({ geometry }: PartStructure): readonly ParameterShape[] {
  return kindOf(geometry).parameters(geometry);
}

function sizeOf({ shape }: ParameterShape): number {
  return shape.reduce((product, length) => product * length, 1);
}
