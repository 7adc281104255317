/**
 * A user's own place for published outputs: a folder, a database, another machine's memory. It only keeps bytes by name; who
 * waits for what, what nobody needs any more, and whether bytes came back as they were, is this side's business.
 */
import { sha256 } from '#platform/hash';
import { messageOf, PffError } from '../errors.js';
import { described } from '../known-options.js';
import { sharedBuffer } from '../platform/shared-memory.js';
import type { GraphShape } from '../schedule/shape.js';
import { taskKey, type Task } from '../schedule/tasks.js';
import type { RunSpec } from '../spec/spec.js';
import { boundedWaits, type StorePatience } from './bounded-waits.js';
import { MemoryStore, type NewestOutput } from './memory.js';
import type { Output, Store } from './store.js';

/**
 * What a user writes. Keys are letters, digits and dots, such as `c3.l1` (chapter 3, layer 1; both from 0). A failure ends the
 * run with its message.
 */
export interface OwnStore {
  /** Keeps `bytes`, which are the store's from then on. The same key may come again, with the same bytes. */
  put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** What was put under `key`. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Nobody needs it any more; it may be gone already. The layers of the last chapter are never deleted. */
  delete?(key: string): Promise<void>;
  /** The run is over, or stopped. A run that is resumed puts again what it needs. */
  close?(): Promise<void>;
}

/** The run that a store is opened for. */
export interface StoredRun {
  readonly spec: RunSpec;
  /** Its run folder, if it has one. */
  readonly folder: string | undefined;
}

/** Opens the store of one run. */
export type OwnStoreOpener = (run: StoredRun) => OwnStore | Promise<OwnStore>;

const openers = new Map<string, OwnStoreOpener>();

/** Makes `store: name` of a run mean what `open` gives. @throws PffError `usage` if that is no name, or the usual store's. */
export function registerStore(name: string, open: OwnStoreOpener): void {
  if (!/^[a-z][a-z0-9-]*$/.test(name) || name === 'memory')
    throw new PffError('usage', `${JSON.stringify(name)} cannot be the name of an own store`, {
      hint: 'Take lower-case letters, digits and dashes, and not memory.',
    });
  if (typeof open !== 'function')
    throw new PffError('usage', `store ${name} must be a function that opens it, but is ${described(open)}`, {
      hint: 'Write () => ({ put, get, delete, close }); delete and close may be left out.',
    });
  openers.set(name, open);
}

/** Names of stores that were registered in this thread. */
export function storeNames(): string[] {
  return [...openers.keys()];
}

/** Whether a run may keep its outputs in the store of that name. */
export function isStore(name: string): boolean {
  return name === 'memory' || openers.has(name);
}

/** @throws PffError `usage` for a name that nobody has registered. */
export function storeOpener(name: string): OwnStoreOpener {
  const open = openers.get(name);
  if (open) return open;
  const known = ['memory', ...openers.keys()].join(', ');
  throw new PffError('usage', `there is no store ${name}; there are: ${known}`, {
    hint: 'Stores of your own come with --plugin FILE.',
  });
}

/**
 * Opens a store by name, or takes one as it is; whatever it throws from then on names the call that failed. No call keeps a run that
 * is stopped, or that is over, waiting for long.
 */
export async function openOwnStore(
  given: string | OwnStore,
  run: StoredRun,
  patience: StorePatience = {},
): Promise<Required<OwnStore>> {
  const name = typeof given === 'string' ? given : 'of your own';
  const inTime = boundedWaits(patience);
  const named = async <T>(call: string, work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw new PffError('files', `store ${name}: ${call} failed: ${messageOf(error)}`, { cause: error });
    }
  };
  const told = <T>(call: string, work: () => T | Promise<T>): Promise<T> =>
    inTime.afterAbort(`store ${name}: ${call}`, named(call, work));
  const own = typeof given === 'string' ? await told('opening it', () => storeOpener(given)(run)) : given;
  if (typeof own?.put !== 'function' || typeof own.get !== 'function')
    throw new PffError('usage', `store ${name} has no functions put and get`, {
      hint: 'A store is { put, get, delete, close }; delete and close may be left out.',
    });
  return {
    put: (key, bytes) => told(`put ${key}`, () => own.put(key, bytes)),
    get: (key) => told(`get ${key}`, () => own.get(key)),
    delete: (key) => told(`delete ${key}`, () => own.delete?.(key)),
    close: () =>
      inTime.atEnd(
        `store ${name}: close`,
        named('close', () => own.close?.()),
      ),
  };
}

/** Stands for bytes that lie in the own store. */
const ELSEWHERE = sharedBuffer(0);

/** A `Store` whose outputs lie in an own store. */
export class KeptStore implements Store {
  readonly #own: Required<OwnStore>;
  /** Knows what is published and needed; its outputs have their steps only. */
  readonly #known: MemoryStore;
  /** SHA-256 of what was put: other bytes would silently train another network. */
  readonly #digests = new Map<string, string>();
  readonly #publishing = new Map<string, Promise<void>>();
  readonly #dropped: string[] = [];

  constructor(shape: GraphShape, own: Required<OwnStore>) {
    this.#own = own;
    this.#known = new MemoryStore(shape, (task) => this.#dropped.push(taskKey(task)));
  }

  async fetch(task: Task, signal: AbortSignal): Promise<Output> {
    const known = await this.#known.fetch(task, signal);
    try {
      return await this.#filled(task, known);
    } catch (error) {
      // It may have been dropped since it was asked for: then that is what there is to say.
      await this.#known.fetch(task, signal);
      throw error;
    }
  }

  /** Once for each task: a second publication of one that is under way must not put again what is deleted by then. */
  publish(task: Task, output: Output): Promise<void> {
    const key = taskKey(task);
    const under = this.#publishing.get(key);
    if (under) return under;
    const publishing = this.#publish(task, output).finally(() => this.#publishing.delete(key));
    this.#publishing.set(key, publishing);
    return publishing;
  }

  isPublished(task: Task): Promise<boolean> {
    return this.#known.isPublished(task);
  }

  published(task: Task, signal: AbortSignal): Promise<void> {
    return this.#known.published(task, signal);
  }

  /**
   * As of `MemoryStore`. What the own store still has of an earlier process is put again, for it may be half written, or
   * deleted, which that process may not have come to.
   */
  async restore(published: readonly Task[], outputs: ReadonlyMap<string, Output>): Promise<void> {
    const steps = [...outputs].map(([key, output]) => [key, { steps: output.steps, buffer: ELSEWHERE }] as const);
    await this.#known.restore(published, new Map(steps));
    const kept = new Set(this.#known.kept().map(taskKey));
    for (const key of published.map(taskKey)) {
      const output = outputs.get(key);
      if (!kept.has(key)) await this.#own.delete(key);
      else if (output) await this.#put(key, output);
    }
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

  /** Nothing is kept in this process. */
  get peakBytes(): number {
    return 0;
  }

  async #publish(task: Task, output: Output): Promise<void> {
    if (await this.#known.isPublished(task)) return;
    await this.#put(taskKey(task), output);
    await this.#known.publish(task, { steps: output.steps, buffer: ELSEWHERE });
    for (const key of this.#dropped.splice(0)) {
      this.#digests.delete(key);
      await this.#own.delete(key);
    }
  }

  async #put(key: string, { buffer }: Output): Promise<void> {
    // A copy in memory that is not shared, which much that takes bytes insists on; the store may keep it as it is.
    const bytes = new Uint8Array(buffer).slice();
    this.#digests.set(key, digestOf(bytes));
    await this.#own.put(key, bytes);
  }

  async #filled(task: Task, { steps }: Output): Promise<Output> {
    const key = taskKey(task);
    const bytes: unknown = await this.#own.get(key);
    if (!(bytes instanceof Uint8Array) || digestOf(bytes) !== this.#digests.get(key)) {
      const found =
        bytes instanceof Uint8Array ? `gave other bytes for ${key} than were put` : `has no bytes of ${key}`;
      throw new PffError('files', `the store of your own ${found}`, {
        hint: 'get must give what put was given, until delete.',
      });
    }
    const buffer = sharedBuffer(bytes.byteLength);
    new Uint8Array(buffer).set(bytes);
    return { steps, buffer };
  }
}

function digestOf(bytes: Uint8Array): string {
  return sha256().update(bytes).hex();
}
