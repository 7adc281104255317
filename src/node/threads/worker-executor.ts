/** Does a cluster node's tasks in a worker thread (task-worker.ts), one at a time. */
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { decodeError } from '../../error-codec.js';
import { PffError, messageOf } from '../../errors.js';
import type { KernelsChoice } from '../../kernels/open.js';
import type { Task } from '../../schedule/tasks.js';
import { serveStore } from '../../store/port.js';
import type { Store } from '../../store/store.js';
import { startThread } from './thread.js';
import type { TaskExecutor } from '../cluster/cluster-node.js';
import type { NodeEvent } from '../events.js';
import type { Job } from '../job.js';
import { loadedPlugins } from './plugins.js';
import type { TaskWorkerAnswer, TaskWorkerRequest, TaskWorkerSetup } from './task-worker.js';

export interface WorkerExecutorOptions {
  readonly job: Job;
  readonly kernels: KernelsChoice;
  readonly threads: number;
  readonly store: Store;
  /** This node's present number. */
  readonly number: () => number;
  readonly onEvent: (event: NodeEvent) => void;
}

export class WorkerExecutor implements TaskExecutor {
  readonly #worker: Worker;
  readonly #storePort: MessagePort;
  readonly #closed = new AbortController();
  readonly #number: () => number;
  #running: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #dead: Error | undefined;

  constructor(options: WorkerExecutorOptions) {
    this.#number = options.number;
    const { port1, port2 } = new MessageChannel();
    this.#storePort = port1;
    serveStore(port1, options.store, this.#closed.signal);
    const { job, kernels, threads } = options;
    const setup: TaskWorkerSetup = { job, kernels, threads, storePort: port2, plugins: loadedPlugins() };
    this.#worker = startThread({
      entry: 'node/threads/task-worker.js',
      name: 'pff tasks',
      setup,
      ports: [port2],
    });
    this.#worker.on('message', (answer: TaskWorkerAnswer) => this.#answered(answer, options.onEvent));
    this.#worker.on('error', (error) => this.#died(error));
    this.#worker.on('exit', (code) =>
      this.#died(new PffError('cluster', `the computing thread ended with code ${code}`)),
    );
  }

  run(task: Task): Promise<void> {
    if (this.#dead) return Promise.reject(this.#dead);
    return new Promise((resolve, reject) => {
      this.#running = { resolve, reject };
      this.#say({ type: 'run', node: this.#number(), task });
    });
  }

  reset(): Promise<void> {
    this.#say({ type: 'reset' });
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#closed.abort(new PffError('interrupted', 'the node is leaving'));
    this.#storePort.close();
    await this.#worker.terminate();
  }

  #say(request: TaskWorkerRequest): void {
    this.#worker.postMessage(request);
  }

  #answered(answer: TaskWorkerAnswer, onEvent: (event: NodeEvent) => void): void {
    if (answer.type === 'event') return onEvent(answer.event);
    const running = this.#running;
    this.#running = undefined;
    if (answer.type === 'done') running?.resolve();
    else running?.reject(decodeError(answer.error));
  }

  #died(error: Error): void {
    this.#dead ??= new PffError('cluster', `the computing thread died: ${messageOf(error)}`, { cause: error });
    this.#running?.reject(this.#dead);
    this.#running = undefined;
  }
}
