/** Does a cluster node's tasks in a worker thread (task-worker.ts), one at a time. */
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { PffError } from '../../errors.js';
import type { KernelsChoice } from '../../kernels/open.js';
import type { Task } from '../../schedule/tasks.js';
import { serveStore } from '../../store/port.js';
import { startThread } from './thread.js';
import type { ClosableExecutor, ExecutorSetting } from '../cluster/take-part.js';
import { RemoteExecutor, type TaskAnswer } from '../remote-executor.js';
import { loadedPlugins } from './plugins.js';
import type { TaskWorkerSetup } from './task-worker.js';

export interface WorkerExecutorOptions extends ExecutorSetting {
  readonly kernels: KernelsChoice;
  readonly threads: number;
}

export class WorkerExecutor implements ClosableExecutor {
  readonly #worker: Worker;
  readonly #storePort: MessagePort;
  readonly #closed = new AbortController();
  readonly #tasks: RemoteExecutor;

  constructor(options: WorkerExecutorOptions) {
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
    this.#tasks = new RemoteExecutor({ ...options, say: (request) => this.#worker.postMessage(request) });
    this.#worker.on('message', (answer: TaskAnswer) => this.#tasks.answered(answer));
    this.#worker.on('error', (error) => this.#tasks.died(error));
    this.#worker.on('exit', (code) => this.#tasks.died(new PffError('cluster', `it ended with code ${code}`)));
  }

  run(task: Task): Promise<void> {
    return this.#tasks.run(task);
  }

  reset(): Promise<void> {
    return this.#tasks.reset();
  }

  async close(): Promise<void> {
    this.#closed.abort(new PffError('interrupted', 'the node is leaving'));
    this.#storePort.close();
    await this.#worker.terminate();
  }
}
