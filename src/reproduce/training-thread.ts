/** The entry of a worker thread that carries out one whole training of several at once. Started from dist/ by trainings.ts. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type { Dataset } from '../data/dataset.js';
import { encodeError, type EncodedError } from '../error-codec.js';
import { PffError } from '../errors.js';
import type { RunEvent } from '../run/events.js';
import type { TrainOptions } from '../run/options.js';
import { train } from '../run/train.js';

export interface TrainingThreadSetup {
  readonly options: Omit<TrainOptions, 'signal' | 'store'>;
  /** Over shared memory: all threads read the same. */
  readonly dataset: Dataset;
}

export type TrainingThreadMessage =
  | { readonly type: 'event'; readonly event: RunEvent }
  | { readonly type: 'failed'; readonly error: EncodedError };

const { options, dataset } = workerData as TrainingThreadSetup;
const port = parentPort as MessagePort;
const say = (message: TrainingThreadMessage): void => port.postMessage(message);
const abort = new AbortController();
port.on('message', (message: 'stop') => {
  if (message === 'stop') abort.abort(new PffError('interrupted', 'stopped'));
});
try {
  for await (const event of train({ ...options, signal: abort.signal }, dataset)) say({ type: 'event', event });
} catch (error) {
  say({ type: 'failed', error: encodeError(error) });
}
port.close();
