/** The entry of a worker thread that is one node. Started from dist/ by run/threads.ts; speaks over two ports. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { encodeError, type EncodedError } from '../../error-codec.js';
import { PffError } from '../../errors.js';
import { askedGpu } from '../../kernels/choices.js';
import { openKernels, type KernelsChoice } from '../../kernels/open.js';
import { PortStore } from '../../store/port.js';
import { dyingStore, type DieAt } from './dying-store.js';
import type { NodeEvent } from '../events.js';
import type { Job } from '../job.js';
import type { Placement } from '../../schedule/assign.js';
import { runNode } from '../node.js';
import { stepsPerSecond } from '../speed.js';
import { loadPlugins } from './plugins.js';
import { portRelay } from './port-relay.js';

export interface WorkerSetup {
  readonly job: Job;
  readonly node: number;
  readonly kernels: KernelsChoice;
  readonly threads: number;
  /** It measures how fast it is, tells that, and begins when it is told its placement. */
  readonly measures?: true;
  readonly storePort: MessagePort;
  /** Where nodes of Single-Layer hand on layer inputs. */
  readonly relayPort?: MessagePort;
  /** Modules that register own parts which the spec names. */
  readonly plugins: readonly string[];
  /** For fault tests: the worker dies without a word at the publication with this number (counted from its start). */
  readonly dieAt?: DieAt;
}

/** Sent to a worker that has told its speed. */
export interface Placed {
  readonly nodes: number;
  readonly placement: Placement | undefined;
}

export type WorkerMessage =
  | { readonly type: 'speed'; readonly stepsPerSecond: number }
  | { readonly type: 'event'; readonly event: NodeEvent }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly error: EncodedError };

const setup = workerData as WorkerSetup;
const port = parentPort as MessagePort;
const abort = new AbortController();
let begin: (placed: Placed) => void = () => {};
const placed = new Promise<Placed>((resolve, reject) => {
  begin = resolve;
  abort.signal.addEventListener('abort', () => reject(abort.signal.reason as Error), { once: true });
});
// Not every worker waits for it.
placed.catch(() => {});
port.on('message', (message: 'stop' | Placed) => {
  if (message === 'stop') abort.abort(new PffError('interrupted', 'stopped'));
  else begin(message);
});

/** What happens to a worker that is to die. */
async function dying({ losesGpu }: DieAt, kernels: KernelsChoice): Promise<() => void> {
  if (!losesGpu) return () => process.exit(1);
  const { sharedDevice } = await import('../../kernels/webgpu/device.js');
  const device = await sharedDevice(askedGpu(kernels));
  return () => device.loseAtReading();
}

const say = (message: WorkerMessage): void => port.postMessage(message);
const emit = (event: NodeEvent): void => say({ type: 'event', event });

try {
  await loadPlugins(setup.plugins);
  const { kernels } = await openKernels({
    kernels: setup.kernels,
    threads: setup.threads,
    precision: setup.job.spec.precision,
  });
  const reached = new PortStore(setup.storePort);
  const store = setup.dieAt ? dyingStore(reached, setup.dieAt, await dying(setup.dieAt, setup.kernels)) : reached;
  try {
    const relay = setup.relayPort && portRelay(setup.relayPort);
    let { job } = setup;
    if (setup.measures) {
      say({ type: 'speed', stepsPerSecond: await stepsPerSecond(job, kernels, abort.signal) });
      job = { ...job, ...(await placed) };
    }
    await runNode(job, setup.node, kernels, store, abort.signal, emit, relay);
  } finally {
    kernels.close();
  }
  say({ type: 'done' });
} catch (error) {
  say({ type: 'failed', error: encodeError(error) });
}
setup.storePort.close();
setup.relayPort?.close();
port.close();
