/** What the library in a browser tells of a training, and what passes between the page and the worker that trains. */
import type { Dataset } from '../data/dataset.js';
import type { EncodedError } from '../error-codec.js';
import type { PortableChoice } from '../kernels/open-portable.js';
import type { Evaluation } from '../model/predictor.js';
import type { NodeEvent } from '../node/events.js';
import type { DatasetFacts } from '../node/prepare.js';
import type { RunSpec } from '../spec/run-spec.js';

/** A training has begun. */
export interface StartedEvent {
  readonly type: 'started';
  readonly spec: RunSpec;
  /** `wasm`; `webgpu/` and the GPU; or `reference`, which is slow. `kernelsReason` says why these are not the ones asked for, if so. */
  readonly kernels: string;
  readonly kernelsReason: string | undefined;
  readonly dataset: DatasetFacts;
}

/** The GPU failed, and its work is done again: there, or at last on the CPU. Nothing is lost, and the bits are the same. */
export interface GpuFailedEvent {
  readonly type: 'gpu-failed';
  /** What happened, and whether the CPU takes its place. */
  readonly reason: string;
}

/** All layers have finished a chapter, and what they make of the test samples now. Of the last chapter `finished` tells. */
export interface MeasuredEvent {
  readonly type: 'measured';
  /** Chapters done, and of how many. */
  readonly chapters: number;
  readonly of: number;
  /** Since the training began, with the measuring. */
  readonly seconds: number;
  readonly evaluation: Evaluation;
}

export interface FinishedEvent {
  readonly type: 'finished';
  /** SHA-256 over all parameters: the same as that of any other machine for this spec and data. */
  readonly modelDigest: string;
  readonly numerics: string;
  readonly seconds: number;
  readonly evaluation: Evaluation;
  /** The model as a safetensors file: `openModel` reads it, and so do `pff predict`, `eval` and `export`. */
  readonly model: Uint8Array<ArrayBuffer>;
}

/** A new model after each chapter but the last, where `models` was asked for. */
export interface ModelEvent {
  readonly type: 'model';
  readonly chapters: number;
  readonly model: Uint8Array<ArrayBuffer>;
}

export type TrainEvent = StartedEvent | NodeEvent | GpuFailedEvent | MeasuredEvent | ModelEvent | FinishedEvent;

/** From the page to the worker. */
export interface TrainRequest {
  readonly spec: RunSpec;
  readonly dataset: Dataset;
  readonly kernels: PortableChoice;
  readonly measure: boolean;
  readonly models: boolean;
}

/** From the worker to the page. */
export type TrainAnswer =
  | { readonly type: 'event'; readonly event: TrainEvent }
  | { readonly type: 'failed'; readonly error: EncodedError };
