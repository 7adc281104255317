/**
 * The entry of the worker thread that computes for a cluster node. The main thread keeps the lease and moves layers, so
 * neither waits for a batch; states cross between the two in shared memory. Started from dist/ by worker-executor.ts.
 */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { openKernels, type KernelsChoice } from '../../kernels/open.js';
import { PortStore } from '../../store/port.js';
import type { Job } from '../job.js';
import { TaskServer, type TaskRequest } from '../remote-executor.js';
import { loadPlugins } from './plugins.js';

export interface TaskWorkerSetup {
  readonly job: Job;
  readonly kernels: KernelsChoice;
  readonly threads: number;
  readonly storePort: MessagePort;
  /** Modules that register own parts which the spec names. */
  readonly plugins: readonly string[];
}

const { job, kernels: choice, threads, storePort, plugins } = workerData as TaskWorkerSetup;
const port = parentPort as MessagePort;
const store = new PortStore(storePort);
// Requests that come in the meantime wait in the port until it is listened to.
await loadPlugins(plugins);
const { kernels } = await openKernels({ kernels: choice, threads, precision: job.spec.precision });
const server = new TaskServer(job, kernels, store, (answer) => port.postMessage(answer));
port.on('message', (request: TaskRequest) => server.asked(request));
