/** Does a node's tasks in a worker of the browser (task-worker.ts), one at a time. */
import { decodeError } from '../../src/error-codec.js';
import { PffError } from '../../src/errors.js';
import type { ClosableExecutor, ExecutorSetting } from '../../src/node/cluster/take-part.js';
import { RemoteExecutor } from '../../src/node/remote-executor.js';
import type { Task } from '../../src/schedule/tasks.js';
import { serveStore } from '../../src/store/port.js';
import type { TabKernels } from './kernels.js';
import type { TaskWorkerAnswer, TaskWorkerRequest } from './messages.js';

export class TabExecutor implements ClosableExecutor {
  readonly #tasks: RemoteExecutor;
  readonly #worker: Worker;
  readonly #closed = new AbortController();
  readonly #storePort: MessagePort;

  constructor(setting: ExecutorSetting, kernels: TabKernels) {
    const { port1, port2 } = new MessageChannel();
    this.#storePort = port1;
    serveStore(port1, setting.store, this.#closed.signal);
    // Beside this script, which is a worker itself.
    this.#worker = new Worker('task-worker.js', { type: 'module', name: 'pff tasks' });
    this.#tasks = new RemoteExecutor({ ...setting, say: (request) => this.#say(request) });
    this.#worker.addEventListener('message', ({ data }: MessageEvent<TaskWorkerAnswer>) => {
      if (data.type === 'broken') this.#tasks.died(decodeError(data.error));
      else this.#tasks.answered(data);
    });
    this.#worker.addEventListener('error', ({ message }) => this.#tasks.died(new Error(message)));
    this.#say({ type: 'open', job: setting.job, kernels, storePort: port2 }, [port2]);
  }

  run(task: Task): Promise<void> {
    return this.#tasks.run(task);
  }

  reset(): Promise<void> {
    return this.#tasks.reset();
  }

  close(): Promise<void> {
    this.#closed.abort(new PffError('interrupted', 'the node is leaving'));
    this.#storePort.close();
    this.#worker.terminate();
    return Promise.resolve();
  }

  #say(request: TaskWorkerRequest, ports: MessagePort[] = []): void {
    this.#worker.postMessage(request, ports);
  }
}
