/** One step of training on a device, as losses see it. */
import type { TrainerStep } from '../trainer.js';
import type { Slot } from './bindings.js';
import type { ParameterValues } from './scalars.js';

/** What a step has besides its batch. */
export interface LossStep extends Pick<TrainerStep, 'layerRule' | 'headRule' | 'outputMask' | 'outputChannels'> {
  readonly batch: number;
  readonly variants: number;
  readonly samples: number;
  /** Where its samples are among the picks, and where its rows leave their words. */
  readonly place: ParameterValues;
}

/** Where the parameters lie of the layer that the batch enters, and of the head on it. */
export interface StepSlots {
  readonly layer: Slot;
  readonly head: Slot;
}

/** Buffers of all steps: whose samples they are, and what their rows leave. */
export interface StepBuffers {
  readonly picks: GPUBuffer;
  readonly history: GPUBuffer;
}
