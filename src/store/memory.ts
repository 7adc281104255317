/** A store in this process's memory. It keeps an output only as long as an unpublished task may need it. */
import { PffError } from '../errors.js';
import type { GraphShape } from '../schedule/shape.js';
import { Retention } from '../schedule/retention.js';
import { taskKey, trainTask, type Task, type TrainTask } from '../schedule/tasks.js';
import { trainedLayers } from '../schedule/shape.js';
import { Collector } from './collector.js';
import type { Output, Store } from './store.js';

/** The newest output of a layer. */
export interface NewestOutput {
  readonly task: TrainTask;
  readonly output: Output;
}

export class MemoryStore implements Store {
  readonly #shape: GraphShape;
  readonly #onDropped: (task: Task) => void;
  readonly #retention: Retention;
  readonly #outputs = new Map<string, Output>();
  readonly #waiting = new Map<string, Set<() => void>>();
  /** The newest published chapter of each layer: what an interrupted run saves. */
  readonly #newest = new Map<number, NewestOutput>();
  readonly #collector = new Collector();
  #bytes = 0;
  #peakBytes = 0;

  /** @param onDropped told of each task whose output nobody needs any more. */
  constructor(shape: GraphShape, onDropped: (task: Task) => void = () => {}) {
    this.#shape = shape;
    this.#onDropped = onDropped;
    this.#retention = new Retention(shape);
  }

  async fetch(task: Task, signal: AbortSignal): Promise<Output> {
    await this.published(task, signal);
    const output = this.#outputs.get(taskKey(task));
    if (!output)
      throw new PffError('cluster', `the output of ${taskKey(task)} is needed by nobody any more and was dropped`, {
        hint: 'The task that asked for it is published already.',
      });
    return output;
  }

  publish(task: Task, output: Output): Promise<void> {
    const key = taskKey(task);
    if (this.#retention.isPublished(task)) return Promise.resolve();
    this.#outputs.set(key, output);
    this.#bytes += output.buffer.byteLength;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
    // First, for it holds the output before, which a collection below could not free.
    this.#noteNewest(task, output);
    for (const dropped of this.#retention.publish(task)) {
      const droppedKey = taskKey(dropped);
      const bytes = this.#outputs.get(droppedKey)?.buffer.byteLength ?? 0;
      this.#bytes -= bytes;
      this.#outputs.delete(droppedKey);
      this.#collector.dropped(bytes);
      this.#onDropped(dropped);
    }
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const wake of waiting ?? []) wake();
    return Promise.resolve();
  }

  /**
   * Begins where an earlier process stopped (schedule/restore.ts): `published` in an order in which they can have been done;
   * `outputs`, by name, has those that are still needed, and may have more.
   */
  restore(published: Iterable<Task>, outputs: ReadonlyMap<string, Output>): Promise<void> {
    const tasks = [...published];
    for (const task of tasks) this.#retention.publish(task);
    for (const task of tasks) {
      const output = outputs.get(taskKey(task));
      if (!output || !this.#retention.isKept(task)) continue;
      this.#noteNewest(task, output);
      this.#outputs.set(taskKey(task), output);
      this.#bytes += output.buffer.byteLength;
    }
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
    return Promise.resolve();
  }

  /** Tasks whose outputs are still needed (or part of the result), oldest first. */
  kept(): Task[] {
    return this.#retention.kept();
  }

  isPublished(task: Task): Promise<boolean> {
    return Promise.resolve(this.#retention.isPublished(task));
  }

  published(task: Task, signal: AbortSignal): Promise<void> {
    if (this.#retention.isPublished(task)) return Promise.resolve();
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const key = taskKey(task);
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      const onAbort = (): void => {
        waiting.delete(wake);
        reject(signal.reason as Error);
      };
      const wake = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Only ever a later chapter's: beside a late state that was found saved, earlier ones may be done again. */
  #noteNewest(task: Task, output: Output): void {
    if (task.kind === 'train' && (this.#newest.get(task.layer)?.task.chapter ?? -1) <= task.chapter)
      this.#newest.set(task.layer, { task, output });
  }

  /** The newest state of each layer that has one, in order. */
  newest(): Promise<NewestOutput[]> {
    return Promise.resolve([...this.#newest.values()].sort((x, y) => x.task.layer - y.task.layer));
  }

  /** The states of the last chapter, in order. @throws PffError `cluster` if the run is not finished. */
  async result(): Promise<Output[]> {
    const newest = new Map((await this.newest()).map(({ task, output }) => [taskKey(task), output]));
    return Array.from({ length: trainedLayers(this.#shape) }, (_, layer) => {
      const key = taskKey(trainTask(this.#shape.splits - 1, layer));
      const output = newest.get(key);
      if (!output) throw new PffError('cluster', `the run is not finished: ${key} is not published`);
      return output;
    });
  }

  /** Bytes of the outputs kept now, and the most that were kept at once. */
  get keptBytes(): number {
    return this.#bytes;
  }
  get peakBytes(): number {
    return this.#peakBytes;
  }
}
