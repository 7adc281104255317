/**
 * What may be dropped of a run's outputs, from the server and from this process's memory, and what must be done again since it was
 * dropped too early. Whoever publishes the last task that needs an output drops it; where audits need outputs longer, its maker does.
 * Several may drop the same, and what a process left that died is swept by the others.
 */
import type { GraphShape } from '../../schedule/shape.js';
import { needs, taskKey, type Task } from '../../schedule/tasks.js';
import type { Wanted } from '../../schedule/wanted.js';
import type { Clock } from './clock.js';
import type { Mirror } from './mirror.js';
import type { Outputs } from './outputs.js';
import type { Kept } from './record-keeper.js';
import { keys } from './records.js';

/** Between two looks at what is on the server: after so long what others have said is known here. */
const SWEEP_MS = 1000;

export interface DroppingParts {
  readonly shape: GraphShape;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly mirror: Mirror;
  readonly outputs: Outputs;
  /** Outputs in memory, by name. */
  readonly cache: Map<string, Kept>;
  /** Whether results are audited, so that outputs are needed for longer than tasks need them. */
  readonly audited: boolean;
  /** What is still to do, as `ClusterStore.wanted` has it. */
  readonly wanted: (mine: boolean) => Wanted;
}

export class Dropping {
  readonly #parts: DroppingParts;
  /** Revisions of the records whose outputs this process has dropped, by name: a later one is of an output that was made again. */
  readonly #dropped = new Map<string, number>();
  /** What this process has published and not dropped, by name. */
  readonly #own = new Map<string, Task>();
  #isSweeping = false;
  #looksAgain = false;

  constructor(parts: DroppingParts) {
    this.#parts = parts;
  }

  /** The records are read anew: their revisions may mean others now. */
  reset(): void {
    this.#dropped.clear();
  }

  /** Chunks of `task` were put on the server by this process, whatever was dropped before. */
  uploaded(task: Task): void {
    this.#dropped.delete(taskKey(task));
    this.#own.set(taskKey(task), task);
  }

  /** `task` is published: drops what nobody needs any more. */
  async unneeded(task: Task): Promise<void> {
    const { shape, mirror, wanted } = this.#parts;
    this.forget();
    const published = wanted(false);
    for (const source of [...needs(shape, task), task])
      if (mirror.done(source) && !published.isKept(source)) await this.#drop(source);
    this.#lookAgain();
  }

  /** Of two that need an output last, and end at the same time, each may take it for needed still. */
  #lookAgain(): void {
    const { audited, clock, signal } = this.#parts;
    if (audited || this.#looksAgain) return;
    this.#looksAgain = true;
    clock
      .sleep(SWEEP_MS, signal)
      .then(() => {
        this.#looksAgain = false;
        return signal.aborted ? undefined : this.#dropOwn();
      })
      .catch(() => {});
  }

  /** Audits were settled, by whomever: drops what this process has made and nobody needs any more, and later what others left. */
  settled(): void {
    this.#dropOwn().catch(() => {});
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    const { clock, signal } = this.#parts;
    clock
      .sleep(SWEEP_MS, signal)
      .then(() => {
        this.#isSweeping = false;
        return signal.aborted ? undefined : this.sweep();
      })
      .catch(() => {});
  }

  /** Drops whatever is on the server and needed by nobody. */
  async sweep(): Promise<void> {
    const { mirror, outputs, wanted } = this.#parts;
    this.forget();
    for (const name of await outputs.names()) {
      const entry = mirror.get(`task.${name}`)?.entry;
      const isDone = mirror.settled && entry?.type === 'task' && entry.record.state === 'done';
      if (isDone && !wanted(false).isKept(entry.task)) await outputs.drop(entry.task);
    }
  }

  /**
   * What is lost has to be done again from outputs that nobody needed any more: those that were dropped are freed all at once. Whoever
   * finds them one by one, each when it is asked for, does the same tasks again and again.
   */
  async free(): Promise<void> {
    const { shape, mirror, outputs, cache, wanted } = this.#parts;
    const revisions = new Map([...mirror.all()].map(({ key, revision }) => [key, revision]));
    const there = await outputs.names();
    const published = wanted(false);
    const todo = [...published.tasks(), ...published.audits()];
    for (let task = todo.pop(); task; task = todo.pop())
      for (const need of needs(shape, task)) {
        const name = taskKey(need);
        const done = mirror.done(need);
        if (!done || there.has(name) || cache.has(name)) continue;
        // One that was published since the look is there.
        if (mirror.get(keys.task(need))?.revision !== revisions.get(keys.task(need))) continue;
        await outputs.free(need, done);
        todo.push(need);
      }
  }

  async #dropOwn(): Promise<void> {
    const { mirror, wanted } = this.#parts;
    this.forget();
    for (const [name, task] of this.#own)
      if (mirror.done(task) && !wanted(false).isKept(task)) {
        this.#own.delete(name);
        await this.#drop(task);
      }
  }

  /** Drops from this process's memory what no task needs any more: done with each task that it publishes; who only looks on asks for it. */
  forget(): void {
    const { mirror, cache, wanted } = this.#parts;
    const mine = wanted(true);
    for (const [key, kept] of cache)
      if (mirror.done(kept.task) && !mine.isKept(kept.task)) {
        cache.delete(key);
        mirror.forget(kept.task);
      }
  }

  async #drop(task: Task): Promise<void> {
    const { mirror, outputs } = this.#parts;
    const name = taskKey(task);
    const revision = mirror.get(keys.task(task))?.revision ?? 0;
    if (this.#dropped.get(name) === revision) return;
    await outputs.drop(task);
    this.#dropped.set(name, revision);
  }
}
