/** The worker of the library in a browser: it trains, so that the page stays alive. One training a worker. */
import { encodeError } from '../error-codec.js';
import type { TrainAnswer, TrainRequest } from './events.js';
import { trainHere } from './training.js';

/** What of a worker's global scope is used; the types of pages and of workers exclude each other. */
interface Scope {
  addEventListener(type: 'message', listener: (message: { readonly data: TrainRequest }) => void): void;
  postMessage(answer: TrainAnswer): void;
}

const scope = globalThis as unknown as Scope;

scope.addEventListener('message', ({ data }) => {
  // Who wants it to stop ends the worker.
  trainHere(data, (event) => scope.postMessage({ type: 'event', event }), new AbortController().signal).catch(
    (error: unknown) => scope.postMessage({ type: 'failed', error: encodeError(error) }),
  );
});
