/** How a run is carried out: everything that does not change its bits. */
import os from 'node:os';
import { PffError } from '../errors.js';
import type { KernelsChoice } from '../kernels/open.js';
import type { Variant } from '../schedule/assign.js';
import type { PartialSpec, RunSpec } from '../spec/spec.js';
import { usesPredictedLabels } from '../spec/spec.js';

export interface TrainOptions {
  /** Any part of a spec; the rest is filled in (spec/spec.ts). */
  readonly spec?: PartialSpec | undefined;
  readonly variant?: Variant | undefined;
  /** N: worker threads that are nodes. */
  readonly nodes?: number | undefined;
  /** Kernel threads of each node; by default the cores are divided between the nodes. */
  readonly threadsPerNode?: number | undefined;
  readonly kernels?: KernelsChoice | undefined;
  /** Folder of the dataset's files; without it the dataset's own place. */
  readonly dataDir?: string | undefined;
  /** The run folder to make; without it nothing is written. */
  readonly out?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For fault tests: worker threads that are to die, by node. Each entry serves once. */
  readonly faults?: readonly Fault[] | undefined;
}

export interface Fault {
  readonly node: number;
  /** The node's task, from 0 in its own order, at which it dies. */
  readonly task: number;
  /** In the middle of the task rather than before it. */
  readonly middle: boolean;
}

export interface Execution {
  readonly variant: Variant;
  readonly nodes: number;
  readonly threadsPerNode: number;
  readonly kernels: KernelsChoice;
}

/** Fills in how a run is carried out. @throws PffError `usage` where the parts contradict each other. */
export function resolveExecution(options: TrainOptions): Execution {
  const nodes = options.nodes ?? 1;
  const variant = options.variant ?? (nodes > 1 ? 'all-layers' : 'sequential');
  if (!Number.isInteger(nodes) || nodes < 1)
    throw new PffError('usage', `nodes must be a whole number of at least 1, but is ${nodes}`);
  if (variant === 'sequential' && nodes > 1)
    throw new PffError('usage', `variant sequential runs on one node, but nodes is ${nodes}`, {
      hint: 'Choose --variant all-layers or single-layer, or leave --nodes out.',
    });
  const cores = os.availableParallelism();
  const threads = options.threadsPerNode ?? Math.max(1, Math.floor(cores / nodes));
  if (!Number.isInteger(threads) || threads < 1 || threads > 256)
    throw new PffError('usage', `threads per node must be a whole number from 1 to 256, but is ${threads}`);
  return { variant, nodes, threadsPerNode: threads, kernels: options.kernels ?? 'auto' };
}

/** The spec's fields that default by how the run is carried out: they become part of the spec, and so of its bits. */
export function defaultsOfExecution(given: PartialSpec, execution: Execution): PartialSpec {
  const spec: PartialSpec = { ...given };
  if (execution.variant === 'federated') spec.shards ??= execution.nodes;
  // AdaptiveNEG reads all layers: in a pipeline, labels of the chapter before would make every node wait for the last
  // layer of that chapter, so the paper takes labels N chapters old. Sampled labels read layer 1 only, which is there.
  const negatives: RunSpec['negatives'] | undefined = given.negatives;
  if (negatives === 'adaptive' && usesPredictedLabels(negatives)) spec.labelLag ??= Math.max(1, execution.nodes);
  return spec;
}
