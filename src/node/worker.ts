/** The entry of a worker thread that is one node. Started from dist/ by run/threads.ts; speaks over two ports. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { messageOf, PffError } from '../errors.js';
import { openKernels, type KernelsChoice } from '../kernels/open.js';
import { PortStore } from '../store/port.js';
import type { NodeEvent } from './events.js';
import type { Job } from './job.js';
import { runNode } from './node.js';

export interface WorkerSetup {
  readonly job: Job;
  readonly node: number;
  readonly kernels: KernelsChoice;
  readonly threads: number;
  readonly storePort: MessagePort;
  /** For fault tests: the worker dies without a word before its task with this number (from 0), or in its middle. */
  readonly dieAt?: { readonly task: number; readonly middle: boolean };
}

export type WorkerMessage =
  | { readonly type: 'event'; readonly event: NodeEvent }
  | { readonly type: 'done' }
  | {
      readonly type: 'failed';
      readonly error: {
        readonly code: PffError['code'] | undefined;
        readonly message: string;
        readonly hint: string | undefined;
      };
    };

const setup = workerData as WorkerSetup;
const port = parentPort as MessagePort;
const abort = new AbortController();
port.on('message', (message: 'stop') => {
  if (message === 'stop') abort.abort(new PffError('interrupted', 'stopped'));
});

let tasksBegun = 0;
const say = (message: WorkerMessage): void => port.postMessage(message);
const emit = (event: NodeEvent): void => {
  if (event.type === 'task-finished') tasksBegun++;
  else if (setup.dieAt?.middle && setup.dieAt.task === tasksBegun) process.exit(1);
  say({ type: 'event', event });
};

try {
  const { kernels } = openKernels({ kernels: setup.kernels, threads: setup.threads });
  const store = new PortStore(setup.storePort);
  try {
    await runNode(setup.job, setup.node, kernels, store, abort.signal, emit);
  } finally {
    kernels.close();
  }
  say({ type: 'done' });
} catch (error) {
  const known = error instanceof PffError ? error : undefined;
  say({
    type: 'failed',
    error: { code: known?.code, message: known ? messageOf(error) : String((error as Error).stack), hint: known?.hint },
  });
}
setup.storePort.close();
port.close();
