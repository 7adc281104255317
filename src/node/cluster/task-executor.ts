/** What does a node's tasks, one at a time. */
import { PffError } from '../../errors.js';
import type { Task } from '../../schedule/tasks.js';

/** Does one task: fetches what it needs from the store, computes, publishes. */
export interface TaskExecutor {
  /** @throws TaskGivenUp where it is not waited for any more */
  run(task: Task): Promise<void>;
  /** After a task that failed: forget what is held in memory, for it may be half done. */
  reset(): Promise<void>;
}

/** A task that is not waited for any more, though it still goes on: this node can do no other one. */
export class TaskGivenUp extends PffError {}
