/** Runs nodes as worker threads over a store in this process. A worker that dies is replaced, and its task done again. */
import { MessageChannel } from 'node:worker_threads';
import { decodeError } from '../error-codec.js';
import { PffError, messageOf } from '../errors.js';
import type { KernelsChoice } from '../kernels/choices.js';
import type { NodeEvent } from '../node/events.js';
import { GpuFailures } from '../node/gpu-failures.js';
import { jobOfNode, type Job } from '../node/job.js';
import type { WorkerMessage, WorkerSetup } from '../node/threads/worker.js';
import { receiverOf } from '../schedule/relay.js';
import { graphShape } from '../schedule/shape.js';
import { serveStore } from '../store/port.js';
import type { Store } from '../store/store.js';
import { serveRelay } from '../node/threads/port-relay.js';
import { RelayHub } from '../node/threads/relay-hub.js';
import { startThread } from '../node/threads/thread.js';
import { kernelsOfNode } from './gpus.js';
import { Placing, placingOf } from './placing.js';
import type { Execution, Fault } from './options.js';

/** A node that dies this often without finishing a task in between will die again. */
const MOST_DEATHS_PER_TASK = 5;

export interface ThreadEvents {
  readonly node: (event: NodeEvent) => void;
  readonly died: (node: number, reason: string, deaths: number) => void;
  /** What nodes that are not equally fast were given, in words. */
  readonly placed: (text: string) => void;
}

/** What threads are run with. */
export interface ThreadsSetup {
  readonly job: Job;
  readonly execution: Execution;
  readonly store: Store;
  readonly signal: AbortSignal;
  /** For fault tests. */
  readonly faults: readonly Fault[];
  /** Single-Layer: nodes hand on layer inputs to each other. */
  readonly relays: boolean;
  readonly events: ThreadEvents;
}

/** Runs all nodes to the end of the run. Rejects with the first error that a replacement cannot mend. */
export async function runThreads(setup: ThreadsSetup): Promise<void> {
  const { execution, signal, faults, events } = setup;
  const placing = placingOf(setup.job, execution, events.placed);
  const hub =
    setup.relays && !placing
      ? new RelayHub((layer) => receiverOf(graphShape(setup.job.spec), setup.job, layer))
      : undefined;
  const pendingFaults = [...faults];
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  const nodes = Array.from({ length: execution.nodes }, async (_, node) => {
    let deaths = 0;
    let kernels = kernelsOfNode(execution, node);
    const gpu = new GpuFailures();
    for (;;) {
      const faultIndex = pendingFaults.findIndex((fault) => fault.node === node);
      const fault = faultIndex < 0 ? undefined : pendingFaults.splice(faultIndex, 1)[0];
      const onEvent = (event: NodeEvent): void => {
        if (event.type === 'task-finished') deaths = 0;
        events.node(event);
      };
      let reason: string | undefined;
      try {
        reason = await runWorker({ ...setup, signal: all }, { node, kernels, fault, placing }, hub, onEvent);
      } catch (error) {
        const next = gpu.after(error, kernels);
        if (next === undefined || all.aborted) throw error;
        ({ kernels } = next);
        events.died(node, next.reason, gpu.count);
        continue;
      }
      if (reason === undefined) return;
      deaths += 1;
      events.died(node, reason, deaths);
      if (deaths >= MOST_DEATHS_PER_TASK)
        throw new PffError('cluster', `node ${node} died ${deaths} times at the same task: ${reason}`, {
          hint: 'Is there enough memory? See --nodes and --layers.',
        });
    }
  });
  try {
    await Promise.all(nodes);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(nodes);
    throw error;
  }
}

interface OneWorker {
  readonly node: number;
  readonly kernels: KernelsChoice;
  readonly fault: Fault | undefined;
  readonly placing: Placing | undefined;
}

/** Runs one worker until it is done (undefined) or dead (why). Throws what the node itself reports as failed. */
async function runWorker(
  { job, execution, store, signal }: ThreadsSetup,
  { node, kernels, fault, placing }: OneWorker,
  hub: RelayHub | undefined,
  onEvent: (event: NodeEvent) => void,
): Promise<string | undefined> {
  const { port1, port2 } = new MessageChannel();
  const closed = new AbortController();
  serveStore(port1, store, closed.signal);
  const member = hub?.member(node);
  const relayed = member && new MessageChannel();
  if (member && relayed) serveRelay(relayed.port1, member.relay);
  const setup: WorkerSetup = {
    job: placing ? job : jobOfNode(job, node),
    node,
    kernels,
    threads: execution.threadsPerNode,
    storePort: port2,
    ...(placing ? { measures: true } : {}),
    ...(relayed ? { relayPort: relayed.port2 } : {}),
    plugins: execution.plugins ?? [],
    ...(fault ? { dieAt: fault } : {}),
  };
  const ports = relayed ? [port2, relayed.port2] : [port2];
  const worker = startThread({ entry: 'node/threads/worker.js', name: `pff node ${node}`, setup, ports });
  const onAbort = (): void => worker.postMessage('stop');
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      let done = false;
      worker.on('message', (message: WorkerMessage) => {
        if (message.type === 'event') onEvent(message.event);
        else if (message.type === 'speed')
          void placing?.measured(node, message.stepsPerSecond).then((placed) => worker.postMessage(placed));
        else if (message.type === 'done') done = true;
        else {
          done = true;
          reject(signal.aborted ? (signal.reason as Error) : decodeError(message.error));
        }
      });
      let error: unknown;
      worker.on('error', (thrown) => {
        error = thrown;
      });
      worker.on('exit', (exitCode) =>
        resolve(done ? undefined : error === undefined ? `exit code ${exitCode}` : messageOf(error)),
      );
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
    closed.abort(new PffError('cluster', `node ${node} is gone`));
    port1.close();
    relayed?.port1.close();
    member?.leave();
    await worker.terminate();
  }
}
