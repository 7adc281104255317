/** What a node needs to know of a run, besides the store: all of it is the same on every node. */
import type { LabelledData } from '../model/labelled-data.js';
import type { PffVariant } from '../schedule/assign.js';
import type { RunSpec } from '../spec/spec.js';

export interface Job {
  readonly spec: RunSpec;
  readonly variant: PffVariant;
  readonly nodes: number;
  /** The training data. Over SharedArrayBuffers, so that it can be handed to a worker thread without a copy. */
  readonly data: LabelledData;
  readonly classes: number;
  /** Indices of each shard's samples in the training data; one shard with all samples where the spec has no shards. */
  readonly shards: readonly Uint32Array[];
  /** When the run began, in milliseconds of Unix time: what times of spans count from. */
  readonly startedMs: number;
}
