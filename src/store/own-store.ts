/**
 * A user's own place for published outputs: a folder, a database, another machine's memory. It only keeps bytes by name; who
 * waits for what, and what nobody needs any more, is this side's business.
 */
import { PffError } from '../errors.js';
import type { GraphShape } from '../schedule/shape.js';
import { taskKey, type Task } from '../schedule/tasks.js';
import { MemoryStore, type NewestOutput } from './memory.js';
import type { Output, Store } from './store.js';

/** What a user writes. Keys are letters, digits and dots. A failure ends the run with its message. */
export interface OwnStore {
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** What was put under `key` last. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Nobody needs it any more. */
  delete?(key: string): Promise<void>;
  /** The run is over. */
  close?(): Promise<void>;
}

/** Opens the store of one run. */
export type OwnStoreOpener = () => OwnStore | Promise<OwnStore>;

const openers = new Map<string, OwnStoreOpener>();

/** Makes `store: name` of a run mean what `open` gives. @throws PffError `usage` if that is no name, or the usual store's. */
export function registerStore(name: string, open: OwnStoreOpener): void {
  if (!/^[a-z][a-z0-9-]*$/.test(name) || name === 'memory')
    throw new PffError('usage', `${JSON.stringify(name)} cannot be the name of an own store`, {
      hint: 'Take lower-case letters, digits and dashes, and not memory.',
    });
  openers.set(name, open);
}

/** @throws PffError `usage` for a name that nobody has registered. */
export async function openOwnStore(given: string | OwnStore): Promise<OwnStore> {
  if (typeof given !== 'string') return given;
  const open = openers.get(given);
  if (open) return open();
  const known = ['memory', ...openers.keys()].join(', ');
  throw new PffError('usage', `there is no store ${given}; there are: ${known}`, {
    hint: 'Stores of your own come with --plugin FILE.',
  });
}

const EMPTY = new SharedArrayBuffer(0);

/** A `Store` whose outputs lie in an own store. */
export class KeptStore implements Store {
  readonly #own: OwnStore;
  /** Knows what is published and needed; its outputs have their steps only. */
  readonly #known: MemoryStore;
  readonly #dropped: Task[] = [];

  constructor(shape: GraphShape, own: OwnStore) {
    this.#own = own;
    this.#known = new MemoryStore(shape, (task) => this.#dropped.push(task));
  }

  async fetch(task: Task, signal: AbortSignal): Promise<Output> {
    return this.#filled(task, await this.#known.fetch(task, signal));
  }

  async publish(task: Task, output: Output): Promise<void> {
    if (await this.#known.isPublished(task)) return;
    await this.#own.put(taskKey(task), new Uint8Array(output.buffer));
    await this.#known.publish(task, { steps: output.steps, buffer: EMPTY });
    for (const old of this.#dropped.splice(0)) await this.#own.delete?.(taskKey(old));
  }

  isPublished(task: Task): Promise<boolean> {
    return this.#known.isPublished(task);
  }

  published(task: Task, signal: AbortSignal): Promise<void> {
    return this.#known.published(task, signal);
  }

  /** As of `MemoryStore`. */
  async restore(published: Iterable<Task>, outputs: ReadonlyMap<string, Output>): Promise<void> {
    for (const [key, { buffer }] of outputs) await this.#own.put(key, new Uint8Array(buffer));
    await this.#known.restore(
      published,
      new Map([...outputs].map(([key, { steps }]) => [key, { steps, buffer: EMPTY }])),
    );
  }

  /** As of `MemoryStore`. */
  async newest(): Promise<NewestOutput[]> {
    const found = await this.#known.newest();
    return Promise.all(found.map(async (each) => ({ ...each, output: await this.#filled(each.task, each.output) })));
  }

  /** As of `MemoryStore`. */
  async result(): Promise<Output[]> {
    await this.#known.result();
    return (await this.newest()).map(({ output }) => output);
  }

  get peakBytes(): number {
    return 0;
  }

  async close(): Promise<void> {
    await this.#own.close?.();
  }

  async #filled(task: Task, { steps }: Output): Promise<Output> {
    const bytes = await this.#own.get(taskKey(task));
    if (!bytes)
      throw new PffError('cluster', `the store of your own has lost ${taskKey(task)}`, {
        hint: 'get must give what put was given, until delete.',
      });
    const buffer = new SharedArrayBuffer(bytes.byteLength);
    new Uint8Array(buffer).set(bytes);
    return { steps, buffer };
  }
}
