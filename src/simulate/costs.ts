/** What tasks and transfers cost: the input of a simulation, calibrated or given. */
import { PffError } from '../errors.js';
import type { Network } from './engine.js';
import { type GraphShape, trainedLayers } from '../schedule/shape.js';

/** Seconds at speed 1 and bytes. Arrays are indexed by layer. */
export interface Costs {
  /** [L] training a layer for a chapter. */
  readonly train: readonly number[];
  /** [L] passing the training data through a trained layer. The last is needed by none and may be 0. */
  readonly pass: readonly number[];
  /** Training the head for a chapter, all its passes included; 0 without a head. */
  readonly head: number;
  /** Predicting the labels of a chapter; 0 where there are none. */
  readonly labels: number;
  /** [L, or L + 1 with a head] bytes of a published layer state. */
  readonly stateBytes: readonly number[];
  /** Bytes of a chapter's negative labels. */
  readonly labelBytes: number;
}

/** The unit of the closed form: every layer, head included, takes `seconds`, and nothing else costs anything. */
export function equalCosts(shape: GraphShape, seconds = 1): Costs {
  return {
    train: Array.from({ length: shape.layers }, () => seconds),
    pass: Array.from({ length: shape.layers }, () => 0),
    head: shape.head ? seconds : 0,
    labels: 0,
    stateBytes: Array.from({ length: trainedLayers(shape) }, () => 0),
    labelBytes: 0,
  };
}

/** @throws PffError `usage` where costs are missing, negative or not finite. */
export function checkCosts(shape: GraphShape, costs: Costs): void {
  const lists: [string, readonly number[], number][] = [
    ['train', costs.train, shape.layers],
    ['pass', costs.pass, shape.layers],
    ['stateBytes', costs.stateBytes, trainedLayers(shape)],
    ['head', [costs.head], 1],
    ['labels', [costs.labels], 1],
    ['labelBytes', [costs.labelBytes], 1],
  ];
  for (const [name, values, length] of lists) {
    if (values.length !== length)
      throw new PffError('usage', `costs.${name} has ${values.length} values, but there are ${length} layers`);
    for (const value of values)
      if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
        throw new PffError('usage', `costs.${name} must be 0 or more, but has ${value}`);
  }
}

/** Transfers that cost no time: what the bound of a schedule assumes. */
export const freeNetwork: Network = { bandwidth: Number.POSITIVE_INFINITY, latency: 0, overlap: true };

/** @throws PffError `usage` where a link could carry nothing. */
export function checkNetwork({ bandwidth, latency }: Network): void {
  if (!(bandwidth > 0)) throw new PffError('usage', `bandwidth must be above 0 bytes per second, but is ${bandwidth}`);
  if (!(latency >= 0 && latency < Number.POSITIVE_INFINITY))
    throw new PffError('usage', `latency must be 0 seconds or more, but is ${latency}`);
}

/** The speed of each of `nodes` nodes; those that `given` does not name have speed 1. @throws PffError `usage` */
export function nodeSpeeds(nodes: number, given: readonly number[]): number[] {
  const speeds = Array.from({ length: nodes }, (_, node) => given[node] ?? 1);
  for (const speed of speeds)
    if (!(speed > 0 && speed < Number.POSITIVE_INFINITY))
      throw new PffError('usage', `a node's speed must be above 0, but is ${speed}`);
  return speeds;
}
