/**
 * Which tasks a run still has to do, and which outputs it still has to keep, told from nothing but what is published now.
 * Unlike retention.ts this bears outputs that vanish again: when a server lost data, only what the result still depends on
 * is wanted, so a run whose newest layers survived somewhere does not begin anew.
 */
import { trainedLayers, type GraphShape } from './shape.js';
import { allTasks, consumers, isResult, needs, taskKey, trainTask, type Task } from './tasks.js';

export class Wanted {
  readonly #shape: GraphShape;
  readonly #wanted: ReadonlyMap<string, Task>;

  /** @param published whether a task's output is there (or was, and nobody needs it any more). */
  constructor(shape: GraphShape, published: (task: Task) => boolean) {
    this.#shape = shape;
    const wanted = new Map<string, Task>();
    // Needed tasks come before their consumers in this order, so backwards all consumers are known.
    for (const task of [...allTasks(shape)].toReversed()) {
      if (published(task)) continue;
      if (isResult(shape, task) || consumers(shape, task).some((user) => wanted.has(taskKey(user))))
        wanted.set(taskKey(task), task);
    }
    this.#wanted = wanted;
  }

  /** Nothing is left to do. */
  get finished(): boolean {
    return this.#wanted.size === 0;
  }

  /** The wanted tasks in an order in which they can be done. */
  tasks(): Task[] {
    return [...this.#wanted.values()].toReversed();
  }

  isWanted(task: Task): boolean {
    return this.#wanted.has(taskKey(task));
  }

  /** Whether everything is there that `task` needs to be done now, its gate (retention.ts) included. */
  isReady(task: Task, window: number): boolean {
    if (needs(this.#shape, task).some((need) => this.isWanted(need))) return false;
    if (task.kind === 'labels' || task.chapter < window) return true;
    return !this.isWanted(trainTask(task.chapter - window, trainedLayers(this.#shape) - 1));
  }

  /** Whether a published output of `task` has to be kept: a wanted task needs it, or it is part of the result. */
  isKept(task: Task): boolean {
    return isResult(this.#shape, task) || consumers(this.#shape, task).some((user) => this.isWanted(user));
  }
}
