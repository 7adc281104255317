/**
 * A store reached through a message port: `serveStore` on the side that has it, `PortStore` in a worker thread. Outputs
 * lie in SharedArrayBuffers, so that only a handle crosses the port, never a copy.
 */
import { decodeError, encodeError, type EncodedError } from '../error-codec.js';
import type { Task } from '../schedule/tasks.js';
import type { Output, Store } from './store.js';

/** What the message ports of worker threads and those of browsers have in common. */
export interface StorePort {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: Event) => void): void;
  /** Messages wait in a port until it is started. */
  start(): void;
}

type Call = 'fetch' | 'publish' | 'isPublished' | 'published';

interface Request {
  readonly id: number;
  readonly call: Call;
  readonly task: Task;
  readonly output?: Output;
}

interface Answer {
  readonly id: number;
  readonly value?: Output | boolean;
  readonly error?: EncodedError;
}

/** Answers the calls that come through `port` from `store`, until the port closes or `signal` aborts. */
export function serveStore(port: StorePort, store: Store, signal: AbortSignal): void {
  const answer = async ({ id, call, task, output }: Request): Promise<Answer> => {
    switch (call) {
      case 'fetch':
        return { id, value: await store.fetch(task, signal) };
      case 'publish':
        await store.publish(task, output as Output);
        return { id };
      case 'isPublished':
        return { id, value: await store.isPublished(task) };
      case 'published':
        await store.published(task, signal);
        return { id };
    }
  };
  port.addEventListener('message', (event) => {
    const request = dataOf(event) as Request;
    answer(request).then(
      (result) => port.postMessage(result),
      (error: unknown) => port.postMessage({ id: request.id, error: encodeError(error) } satisfies Answer),
    );
  });
  port.start();
}

function dataOf(event: Event): unknown {
  return (event as Event & { readonly data: unknown }).data;
}

/** The store on the other side of a port. */
export class PortStore implements Store {
  readonly #port: StorePort;
  readonly #pending = new Map<
    number,
    { resolve: (value: Output | boolean | undefined) => void; reject: (error: Error) => void }
  >();
  #nextId = 0;

  constructor(port: StorePort) {
    this.#port = port;
    port.addEventListener('message', (event) => {
      const { id, value, error } = dataOf(event) as Answer;
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error) pending?.reject(decodeError(error));
      else pending?.resolve(value);
    });
    port.start();
  }

  async fetch(task: Task, signal: AbortSignal): Promise<Output> {
    return (await this.#call({ call: 'fetch', task }, signal)) as Output;
  }

  async publish(task: Task, output: Output): Promise<void> {
    await this.#call({ call: 'publish', task, output });
  }

  async isPublished(task: Task): Promise<boolean> {
    return (await this.#call({ call: 'isPublished', task })) as boolean;
  }

  async published(task: Task, signal: AbortSignal): Promise<void> {
    await this.#call({ call: 'published', task }, signal);
  }

  #call(request: Omit<Request, 'id'>, signal?: AbortSignal): Promise<Output | boolean | undefined> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#pending.delete(id);
        reject(signal?.reason as Error);
      };
      const done =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener('abort', onAbort);
          settle(value);
        };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, { resolve: done(resolve), reject: done(reject) });
      this.#port.postMessage({ ...request, id } satisfies Request);
    });
  }
}
