/**
 * The entry of the worker thread that computes for a cluster node. The main thread keeps the lease and moves layers, so
 * neither waits for a batch; states cross between the two in shared memory. Started from dist/ by worker-executor.ts.
 */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { encodeError, type EncodedError } from '../../error-codec.js';
import { openKernels, type KernelsChoice } from '../../kernels/open.js';
import type { Task } from '../../schedule/tasks.js';
import { PortStore } from '../../store/port.js';
import type { NodeEvent } from '../events.js';
import type { Job } from '../job.js';
import { loadPlugins } from './plugins.js';
import { TaskRunner } from '../task-runner.js';

export interface TaskWorkerSetup {
  readonly job: Job;
  readonly kernels: KernelsChoice;
  readonly threads: number;
  readonly storePort: MessagePort;
  /** Modules that register own parts which the spec names. */
  readonly plugins: readonly string[];
}

export type TaskWorkerRequest =
  /** Do a task as node `node`. */
  | { readonly type: 'run'; readonly node: number; readonly task: Task }
  /** Forget what is held in memory. */
  | { readonly type: 'reset' }
  | { readonly type: 'close' };

export type TaskWorkerAnswer =
  | { readonly type: 'event'; readonly event: NodeEvent }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly error: EncodedError };

const { job, kernels: choice, threads, storePort, plugins } = workerData as TaskWorkerSetup;
const port = parentPort as MessagePort;
const say = (answer: TaskWorkerAnswer): void => port.postMessage(answer);
const store = new PortStore(storePort);
const never = new AbortController().signal;
// Requests that come in the meantime wait in the port until it is listened to.
await loadPlugins(plugins);
const { kernels } = await openKernels({ kernels: choice, threads, precision: job.spec.precision });
let runner: { readonly node: number; readonly tasks: TaskRunner } | undefined;

async function run(node: number, task: Task): Promise<void> {
  if (runner?.node !== node) {
    runner?.tasks.close();
    runner = {
      node,
      tasks: new TaskRunner({
        job,
        node,
        kernels,
        store,
        signal: never,
        emit: (event) => say({ type: 'event', event }),
      }),
    };
  }
  await runner.tasks.run(task);
}

port.on('message', (request: TaskWorkerRequest) => {
  if (request.type === 'run')
    run(request.node, request.task).then(
      () => say({ type: 'done' }),
      (error: unknown) => say({ type: 'failed', error: encodeError(error) }),
    );
  else {
    runner?.tasks.close();
    runner = undefined;
    if (request.type === 'close') {
      kernels.close();
      storePort.close();
      port.close();
    }
  }
});
