/** A store in this process's memory. It keeps an output only as long as an unpublished task may need it. */
import { PffError } from '../errors.js';
import type { GraphShape } from '../schedule/shape.js';
import { Retention } from '../schedule/retention.js';
import { isResult, taskKey, trainTask, type Task } from '../schedule/tasks.js';
import { trainedLayers } from '../schedule/shape.js';
import type { Output, Store } from './store.js';

export class MemoryStore implements Store {
  readonly #shape: GraphShape;
  readonly #retention: Retention;
  readonly #outputs = new Map<string, Output>();
  readonly #waiting = new Map<string, Set<() => void>>();
  /** The newest published chapter of each layer: what an interrupted run saves. */
  readonly #newest = new Map<number, { readonly chapter: number; readonly output: Output }>();
  #bytes = 0;
  #peakBytes = 0;

  constructor(shape: GraphShape) {
    this.#shape = shape;
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
    for (const dropped of this.#retention.publish(task)) {
      const droppedKey = taskKey(dropped);
      this.#bytes -= this.#outputs.get(droppedKey)?.buffer.byteLength ?? 0;
      this.#outputs.delete(droppedKey);
    }
    if (task.kind === 'train') this.#newest.set(task.layer, { chapter: task.chapter, output });
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const wake of waiting ?? []) wake();
    return Promise.resolve();
  }

  /**
   * Begins where an earlier process stopped (schedule/restore.ts): `published` in an order in which they can have been done;
   * `outputs`, by name, has those that are still needed, and may have more.
   */
  restore(published: Iterable<Task>, outputs: ReadonlyMap<string, Output>): void {
    const tasks = [...published];
    for (const task of tasks) this.#retention.publish(task);
    for (const task of tasks) {
      const output = outputs.get(taskKey(task));
      if (output && task.kind === 'train') this.#newest.set(task.layer, { chapter: task.chapter, output });
      if (!output || !this.#retention.isKept(task)) continue;
      this.#outputs.set(taskKey(task), output);
      this.#bytes += output.buffer.byteLength;
    }
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
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

  /** The newest state of each layer that has one, in order, with its chapter. */
  newest(): { readonly layer: number; readonly chapter: number; readonly output: Output }[] {
    return [...this.#newest].map(([layer, entry]) => ({ layer, ...entry })).sort((a, b) => a.layer - b.layer);
  }

  /** The states of the last chapter, in order. @throws PffError `cluster` if the run is not finished. */
  result(): Output[] {
    return Array.from({ length: trainedLayers(this.#shape) }, (_, layer) => {
      const task = trainTask(this.#shape.splits - 1, layer);
      const output = this.#outputs.get(taskKey(task));
      if (!output || !isResult(this.#shape, task))
        throw new PffError('cluster', `the run is not finished: ${taskKey(task)} is not published`);
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
