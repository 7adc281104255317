/**
 * The store of published outputs: the only thing that nodes share. Whoever holds the store holds the run. One
 * conformance suite (test/store/) holds for every implementation.
 */
import type { Chain } from '../audit/chain.js';
import type { Task } from '../schedule/tasks.js';

/** What a task publishes: a layer's state, or negative labels (steps 0). */
export interface Output {
  /** Optimizer steps that the layer has taken. */
  readonly steps: number;
  /** The state's buffer (layers/layer-state.ts), or one label byte per sample. Nobody changes it after it is published. */
  readonly buffer: ArrayBufferLike;
  /** Digests of the parameters on the way, from who made it, where the job asks for them. A store need not keep them. */
  readonly chain?: Chain | undefined;
}

export interface Store {
  /** Waits until the output of `task` is published. Rejects with the signal's reason when that aborts. */
  fetch(task: Task, signal: AbortSignal): Promise<Output>;
  /** Publishes an output. Doing it twice is harmless: a task is a pure function, so both are the same. */
  publish(task: Task, output: Output): Promise<void>;
  /** Whether `task` has been published, even if its output has been dropped since. */
  isPublished(task: Task): Promise<boolean>;
  /** Waits until `task` is published, without wanting its output. */
  published(task: Task, signal: AbortSignal): Promise<void>;
}
