/** The worker that computes for a node in a browser; the host worker moves layers and keeps the lease meanwhile. */
import { encodeError } from '../../src/error-codec.js';
import { TaskServer } from '../../src/node/remote-executor.js';
import { PortStore } from '../../src/store/port.js';
import { openBrowserKernels } from './kernels.js';
import type { TaskWorkerAnswer, TaskWorkerRequest, WorkerScope } from './messages.js';

const scope = globalThis as unknown as WorkerScope<TaskWorkerRequest, TaskWorkerAnswer>;
let opening: Promise<TaskServer> | undefined;

scope.addEventListener('message', ({ data: request }) => {
  if (request.type === 'open') {
    const { job, kernels: choice, storePort } = request;
    const store = new PortStore(storePort);
    opening = openBrowserKernels(job.spec.precision, choice).then(
      (kernels) => new TaskServer(job, kernels, store, (answer) => scope.postMessage(answer)),
    );
    opening.catch((error: unknown) => scope.postMessage({ type: 'broken', error: encodeError(error) }));
  } else void opening?.then((server) => server.asked(request)).catch(() => {});
});
