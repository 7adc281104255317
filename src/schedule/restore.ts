/**
 * What a run has behind it, worked out from the outputs that were saved and nothing else: no list of published tasks has
 * to be kept beside them, so none can be out of step with them.
 */
import type { GraphShape } from './shape.js';
import { allTasks, consumers, isResult, needs, taskKey, type Task } from './tasks.js';

export interface Restored {
  /** Tasks that need not be done again, in an order in which they can have been done. */
  readonly published: readonly Task[];
  /** Those of them whose saved outputs are still needed. */
  readonly kept: readonly Task[];
}

/**
 * A task is done if its output was saved, or if everything that would need its output is done; else it is to be done
 * again. So every task still to do finds what it needs saved, or done again before it. More saved outputs never make less
 * of a run done: where one of the newest outputs is damaged, older ones that are still there say how far back to go.
 * @param saved whether the output of a task was saved whole.
 */
export function restore(shape: GraphShape, saved: (task: Task) => boolean): Restored {
  const tasks = [...allTasks(shape)];
  const done = new Set<string>();
  const isDone = (task: Task): boolean => done.has(taskKey(task));
  // Consumers come after what they need, so that from the end on they are settled first.
  for (const task of tasks.toReversed()) {
    const unneeded = !isResult(shape, task) && consumers(shape, task).every(isDone);
    if (unneeded || saved(task)) done.add(taskKey(task));
  }
  const open = tasks.filter((task) => !isDone(task));
  const needed = new Set(open.flatMap((task) => needs(shape, task).map(taskKey)));
  const published = tasks.filter(isDone);
  return { published, kept: published.filter((task) => isResult(shape, task) || needed.has(taskKey(task))) };
}
