/**
 * Single-Layer on one machine: a node that has trained its layer hands the layer's inputs on to the node of the next layer, which
 * then passes them through one layer instead of passing the data through all layers below. It only saves time: a node that gets
 * none makes the same inputs by itself.
 */
import type { TrainTask } from '../schedule/tasks.js';

/** The inputs that a layer was trained on, in a buffer that moves from thread to thread without a copy. */
export interface RelayedInputs {
  readonly buffer: ArrayBuffer;
  /** Samples. */
  readonly count: number;
  /** Rows of a sample. */
  readonly variants: number;
  /** Values of a row. */
  readonly width: number;
}

export interface InputRelay {
  /** Says, before `task` is published, that its layer's inputs will be handed on. */
  announce(task: TrainTask): Promise<void>;
  /** Hands on the inputs of `task`'s layer; done once there is room for them, so that only so many wait. They are the relay's now. */
  handOn(task: TrainTask, inputs: RelayedInputs): Promise<void>;
  /** Says, before `task` is published, that its inputs are the next ones to be taken over: those of earlier chapters hold nobody back. */
  expect(task: TrainTask): Promise<void>;
  /** The inputs that `task`, which is published, was trained on; undefined where they are not handed on. */
  takeOver(task: TrainTask): Promise<RelayedInputs | undefined>;
}
