/**
 * A node's tasks done in another thread, one at a time: the side that asks, and the side that does. What carries the messages (a
 * worker thread of Node.js, a worker of a browser) is the matter of those who use this.
 */
import { decodeError, encodeError, type EncodedError } from '../error-codec.js';
import { PffError, messageOf } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Task } from '../schedule/tasks.js';
import type { Store } from '../store/store.js';
import type { TaskExecutor } from './cluster/task-executor.js';
import type { NodeEvent } from './events.js';
import type { Job } from './job.js';
import { TaskRunner } from './task-runner.js';

export type TaskRequest =
  /** Do a task as node `node`; the answer says the number. */
  | { readonly type: 'run'; readonly number: number; readonly node: number; readonly task: Task }
  /** Forget what is held in memory. */
  | { readonly type: 'reset' };

export type TaskAnswer =
  | { readonly type: 'event'; readonly event: NodeEvent }
  | { readonly type: 'done'; readonly number: number }
  | { readonly type: 'failed'; readonly number: number; readonly error: EncodedError };

export interface RemoteExecutorOptions {
  readonly say: (request: TaskRequest) => void;
  /** This node's present number. */
  readonly number: () => number;
  readonly onEvent: (event: NodeEvent) => void;
}

export class RemoteExecutor implements TaskExecutor {
  readonly #options: RemoteExecutorOptions;
  #running: { number: number; resolve: () => void; reject: (error: Error) => void } | undefined;
  #asked = 0;
  #dead: Error | undefined;

  constructor(options: RemoteExecutorOptions) {
    this.#options = options;
  }

  run(task: Task): Promise<void> {
    if (this.#dead) return Promise.reject(this.#dead);
    return new Promise((resolve, reject) => {
      const number = ++this.#asked;
      this.#running = { number, resolve, reject };
      this.#options.say({ type: 'run', number, node: this.#options.number(), task });
    });
  }

  reset(): Promise<void> {
    this.#options.say({ type: 'reset' });
    return Promise.resolve();
  }

  answered(answer: TaskAnswer): void {
    if (answer.type === 'event') return this.#options.onEvent(answer.event);
    const running = this.#running;
    // Of a task that was given up: the one under way is another.
    if (running?.number !== answer.number) return;
    this.#running = undefined;
    if (answer.type === 'done') running.resolve();
    else running.reject(decodeError(answer.error));
  }

  /** The other thread is gone: the task under way fails, and so do all later ones. */
  died(error: unknown): void {
    this.#dead ??= new PffError('cluster', `the computing thread died: ${messageOf(error)}`, { cause: error });
    this.#running?.reject(this.#dead);
    this.#running = undefined;
  }
}

/** Does tasks as they are asked for. */
export class TaskServer {
  readonly #job: Job;
  readonly #kernels: Kernels;
  readonly #store: Store;
  readonly #say: (answer: TaskAnswer) => void;
  readonly #never = new AbortController().signal;
  #runner: { readonly node: number; readonly tasks: TaskRunner } | undefined;
  /** What was asked for last, and what follows from it. */
  #turn = Promise.resolve();

  constructor(job: Job, kernels: Kernels, store: Store, say: (answer: TaskAnswer) => void) {
    this.#job = job;
    this.#kernels = kernels;
    this.#store = store;
    this.#say = say;
  }

  asked(request: TaskRequest): void {
    const turn = this.#turn.then(() => (request.type === 'reset' ? this.forget() : this.#answer(request)));
    this.#turn = turn;
  }

  /** Never rejects. */
  async #answer({ number, node, task }: Extract<TaskRequest, { readonly type: 'run' }>): Promise<void> {
    try {
      await this.#run(node, task);
    } catch (error) {
      return this.#say({ type: 'failed', number, error: encodeError(error) });
    }
    this.#say({ type: 'done', number });
    await this.#runner?.tasks.passAhead(task);
  }

  /** Frees what is held in memory. */
  forget(): void {
    this.#runner?.tasks.close();
    this.#runner = undefined;
  }

  async #run(node: number, task: Task): Promise<void> {
    if (this.#runner?.node !== node) {
      this.#runner?.tasks.close();
      const tasks = new TaskRunner({
        job: this.#job,
        node,
        kernels: this.#kernels,
        store: this.#store,
        signal: this.#never,
        emit: (event) => this.#say({ type: 'event', event }),
      });
      this.#runner = { node, tasks };
    }
    await this.#runner.tasks.run(task);
  }
}
