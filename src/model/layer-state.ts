/**
 * The state of one trained layer: weights, biases, Adam's moments and step count, of the layer itself and of the softmax
 * head it may have. It travels whole (PAPER: without the optimizer state another node cannot continue a layer), so it
 * lies in one buffer that threads can share.
 */
import type { DenseTensors } from '../kernels/kernels.js';
import { PffError, messageOf } from '../errors.js';
import { sharedBuffer } from '../platform/shared-memory.js';
import { RandomStream } from '../random.js';

/** `layer`: the layer itself; `head`: a softmax head, its own or the network's. */
export type DenseRole = 'layer' | 'head';

export interface DenseShape {
  readonly role: DenseRole;
  readonly inputs: number;
  readonly outputs: number;
  /** Standard deviation of the initial weights; 0 for weights that start at 0. */
  readonly initialDeviation: number;
  /** Its bias is 0 and stays so. */
  readonly withoutBias?: boolean;
}

/** What the state of a layer consists of. `layer` counts from 0; the softmax classifier comes after the last layer. */
export interface LayerShape {
  readonly layer: number;
  readonly dense: readonly DenseShape[];
}

export interface LayerState {
  readonly shape: LayerShape;
  /** Optimizer steps taken so far. */
  readonly steps: number;
  /** The memory of all `dense` tensors, one after the other, as little-endian f32. */
  readonly buffer: ArrayBufferLike;
  /** One per entry of `shape.dense`, as views of `buffer`. */
  readonly dense: readonly DenseTensors[];
}

/** Bytes of a state's buffer. */
export function stateBytes(shape: LayerShape): number {
  return shape.dense.reduce((sum, d) => sum + 12 * d.outputs * (d.inputs + 1), 0);
}

/** Bytes of a state's weights and biases alone, without Adam's moments. */
export function weightBytes(shape: LayerShape): number {
  return shape.dense.reduce((sum, d) => sum + 4 * d.outputs * (d.inputs + 1), 0);
}

/** Gives `buffer` its structure. @throws PffError `files` if its length does not fit the shape. */
export function viewState(shape: LayerShape, steps: number, buffer: ArrayBufferLike): LayerState {
  if (buffer.byteLength !== stateBytes(shape))
    throw new PffError(
      'files',
      `layer ${shape.layer + 1}: expected a state of ${stateBytes(shape)} bytes, found ${buffer.byteLength}`,
    );
  let offset = 0;
  const take = (length: number): Float32Array => {
    const view = new Float32Array(buffer, offset, length);
    offset += 4 * length;
    return view;
  };
  const dense = shape.dense.map(({ inputs, outputs }) => ({
    inputs,
    outputs,
    weights: take(inputs * outputs),
    bias: take(outputs),
    weightMoment1: take(inputs * outputs),
    biasMoment1: take(outputs),
    weightMoment2: take(inputs * outputs),
    biasMoment2: take(outputs),
  }));
  return { shape, steps, buffer, dense };
}

/** A state of zeros, in memory that threads can share. @throws PffError `memory` */
export function allocateState(shape: LayerShape, steps = 0): LayerState {
  const bytes = stateBytes(shape);
  try {
    return viewState(shape, steps, sharedBuffer(bytes));
  } catch (error) {
    if (error instanceof PffError) throw error;
    const sizes = shape.dense.map((d) => `${d.inputs} x ${d.outputs}`).join(' and ');
    throw new PffError(
      'memory',
      `layer ${shape.layer + 1} (${sizes}) needs ${(bytes / 1e9).toFixed(2)} GB, which could not be had: ${messageOf(error)}`,
      {
        hint: 'Choose smaller --layers.',
        cause: error,
      },
    );
  }
}

/** The state before the first chapter: keyed normal weights, biases and moments 0. */
export function initialState(shape: LayerShape, seed: number): LayerState {
  const state = allocateState(shape);
  state.dense.forEach((tensors, part) => {
    const deviation = (shape.dense[part] as DenseShape).initialDeviation;
    if (deviation > 0) new RandomStream(seed, 'weights', shape.layer, part).fillNormal(tensors.weights, deviation);
  });
  return state;
}
