/**
 * The store of a run on a message engine: outputs in chunks, and one record a task that says who does it or what came of
 * it. The first published result of a task stands; a second one that differs is refused and told loudly. An output whose
 * record is there but whose bytes are gone counts as not published: its record is freed, and somebody does it again.
 */
import { setMaxListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { PffError } from '../../errors.js';
import type { GraphShape } from '../../schedule/shape.js';
import { needs, taskKey, type Task } from '../../schedule/tasks.js';
import { Wanted } from '../../schedule/wanted.js';
import type { Clock } from './clock.js';
import type { Engine, EngineError } from './engine.js';
import { Mirror } from './mirror.js';
import { patiently, type Patience } from './patience.js';
import { decodeEntry, encodeRecord, keys, type DoneRecord, type RunEntry, type TaskRecord } from './records.js';
import type { Output, Store } from '../store.js';
import { allFinite, chunkPrefix, digestOf, getOutput, putOutput } from './transfer.js';

/** Uploads that may go on while the node computes; one more publication waits for the oldest. */
const MOST_UPLOADS = 2;
/** A missing chunk may only be late on a replica: looked for this often before it counts as lost. */
const LOOKS = 3;
/** No output of any network is larger: 8 GiB. */
const MOST_BYTES = 2 ** 33;
const BETWEEN_LOOKS_MS = 150;

export interface ClusterStoreOptions {
  readonly engine: Engine;
  readonly shape: GraphShape;
  /** Names this process in the run's records: letters, digits, - and _. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Bytes of a task's output, where that is known; what says otherwise is refused. */
  readonly expectedBytes: (task: Task) => number | undefined;
  readonly onTrouble?: ((error: EngineError) => void) | undefined;
  /** Lets other work through while much is hashed. */
  readonly breathe?: (() => Promise<void>) | undefined;
}

/** The output of a task was announced, but is not there: lost (its record is free again) or needed by nobody. Go on. */
export class MissingOutput extends PffError {}

export class ClusterStore implements Store {
  readonly mirror: Mirror;
  readonly id: string;
  /** Aborts when the store's user does, and when the store fails for good. */
  readonly signal: AbortSignal;
  readonly shape: GraphShape;
  readonly #options: ClusterStoreOptions;
  readonly #engine: Engine;
  readonly #patience: Patience;
  readonly #broken = new AbortController();
  readonly #breathe: () => Promise<void>;
  /** Outputs that this process made or fetched, as long as the run needs them: a copy against a server that forgets. */
  readonly #cache = new Map<string, { readonly output: Output; readonly digest: string }>();
  readonly #fetching = new Map<string, Promise<Output>>();
  readonly #uploads = new Map<string, Promise<void>>();
  #following: Promise<void> | undefined;
  /** Results that differed from the published ones, made by this process or found in its place. */
  conflicts = 0;
  /** Outputs that were announced but not there, or damaged. */
  lostOutputs = 0;

  constructor(options: ClusterStoreOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.shape = options.shape;
    this.id = options.id;
    this.signal = AbortSignal.any([options.signal, this.#broken.signal]);
    // Everything that waits listens for the end; there is no leak.
    setMaxListeners(0, options.signal, this.signal);
    this.#breathe = options.breathe ?? (() => setImmediate());
    this.#patience = {
      clock: options.clock,
      signal: this.signal,
      onTrouble: options.onTrouble,
      reopen: () => options.engine.open(),
    };
    this.mirror = new Mirror(options.engine, this.#patience, (task, record) => this.#fits(task, record));
  }

  /** Reads the run's records and follows them from then on. @throws EngineError `denied`, `removed` */
  async open(): Promise<void> {
    await this.mirror.refresh();
    this.#following = this.mirror.follow().catch((error: unknown) => this.#break(error));
  }

  /** Ends all that goes on in the background; uploads not finished are given up. */
  async close(): Promise<void> {
    this.#break(new PffError('interrupted', 'the store was closed'));
    await this.#following;
    await Promise.allSettled([...this.#uploads.values(), ...this.#fetching.values()]);
  }

  /** Waits until all publications have gone through. */
  async flush(): Promise<void> {
    await Promise.all(this.#uploads.values());
    this.signal.throwIfAborted();
  }

  async fetch(task: Task, signal: AbortSignal): Promise<Output> {
    await this.published(task, signal);
    const key = taskKey(task);
    const known = this.#cache.get(key);
    if (known && (this.#uploads.has(key) || this.mirror.done(task)?.digest === known.digest)) return known.output;
    let fetching = this.#fetching.get(key);
    if (!fetching) {
      fetching = this.#fetch(task).finally(() => this.#fetching.delete(key));
      this.#fetching.set(key, fetching);
    }
    return abortable(fetching, signal);
  }

  /**
   * The store for a task under way, whose needs were all there when it was chosen: it never waits for one that has vanished
   * since (perhaps nobody but the waiting node could make it), but throws MissingOutput; copies in memory serve as well.
   */
  ready(): Store {
    const here = (task: Task): boolean => this.#cache.has(taskKey(task)) || this.isHere(task);
    return {
      isPublished: (task) => Promise.resolve(here(task)),
      published: async (task, signal) => {
        await this.until(() => this.mirror.settled || here(task), signal);
        if (!here(task)) await this.#announced(task);
      },
      fetch: async (task, signal) => {
        const known = this.#cache.get(taskKey(task));
        if (known && !this.mirror.done(task)) return known.output;
        await this.ready().published(task, signal);
        return this.fetch(task, signal);
      },
      publish: (task, output) => this.publish(task, output),
    };
  }

  /** Looks whether a published output is really there, whatever this process has of it. @throws MissingOutput */
  async verify(task: Task): Promise<void> {
    for (let look = 1; ; look++) {
      const record = await this.#announced(task);
      if (await this.#get(task, record)) return;
      if (look >= LOOKS) await this.#lost(task, record);
      await this.#options.clock.sleep(BETWEEN_LOOKS_MS, this.signal);
    }
  }

  /** Begins to fetch an output that will be needed soon, if it is there; tells nothing of failures. */
  prefetch(task: Task): void {
    if (this.mirror.done(task)) this.fetch(task, this.signal).catch(() => {});
  }

  /**
   * Publishes in the background: returns when the upload has begun (or, with several under way, when the oldest is done).
   * The output may not change any more. @throws if an earlier publication failed.
   */
  async publish(task: Task, output: Output): Promise<void> {
    const key = taskKey(task);
    this.signal.throwIfAborted();
    if (this.#uploads.has(key)) return;
    const known = this.#cache.get(key);
    const digest = known?.output === output ? known.digest : await digestOf(output.buffer, this.#breathe);
    this.#cache.set(key, { output, digest });
    const upload = this.#publish(task, output, digest)
      .catch((error: unknown) => this.#break(error))
      .finally(() => this.#uploads.delete(key));
    this.#uploads.set(key, upload);
    if (this.#uploads.size > MOST_UPLOADS) await Promise.race(this.#uploads.values());
    this.signal.throwIfAborted();
  }

  isPublished(task: Task): Promise<boolean> {
    return Promise.resolve(this.isHere(task));
  }

  /** Published, or on its way there from this process. */
  isHere(task: Task): boolean {
    return this.#uploads.has(taskKey(task)) || this.mirror.done(task) !== undefined;
  }

  /** An output of this process's own memory, published or not. */
  cached(task: Task): Output | undefined {
    return this.#cache.get(taskKey(task))?.output;
  }

  async published(task: Task, signal: AbortSignal): Promise<void> {
    await this.until(() => this.isHere(task), signal);
  }

  /** Waits until `condition` holds; looks again whenever a record changes. */
  async until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    for (const each of [signal, this.signal]) each.throwIfAborted();
    if (condition()) return;
    const all = signal === this.signal ? signal : AbortSignal.any([signal, this.signal]);
    await new Promise<void>((resolve, reject) => {
      const end = (settle: () => void): void => {
        unsubscribe();
        all.removeEventListener('abort', onAbort);
        settle();
      };
      const onAbort = (): void => end(() => reject(all.reason as Error));
      const unsubscribe = this.mirror.subscribe(() => {
        if (condition()) end(resolve);
      });
      all.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Notes that this process does `task` now. False if somebody else got it first, or it is done. */
  async claim(task: Task): Promise<boolean> {
    const key = keys.task(task);
    if (await this.swap(key, { v: 1, state: 'claimed', by: this.id }, this.mirror.get(key)?.revision ?? 0)) return true;
    const now = await this.read(key);
    return now?.entry?.type === 'task' && now.entry.record.state === 'claimed' && now.entry.record.by === this.id;
  }

  /** Gives up a claim of this process. */
  async release(task: Task): Promise<void> {
    const key = keys.task(task);
    const now = await this.read(key);
    const record = now?.entry?.type === 'task' ? now.entry.record : undefined;
    if (now && record?.state === 'claimed' && record.by === this.id)
      await this.swap(key, { v: 1, state: 'free', by: this.id }, now.revision);
  }

  /** Writes a record if the newest revision of its key is `expected`; true if it went through. */
  async swap(key: string, record: Parameters<typeof encodeRecord>[0], expected: number): Promise<boolean> {
    const value = encodeRecord(record);
    const revision = await patiently(this.#patience, () => this.#engine.write(key, value, expected));
    if (revision === undefined) return false;
    this.mirror.note({ key, revision, value });
    return true;
  }

  /** The newest record of a key, from the engine itself. */
  async read(key: string): Promise<{ readonly revision: number; readonly entry: RunEntry | undefined } | undefined> {
    const found = await patiently(this.#patience, () => this.#engine.read(key));
    if (!found) return undefined;
    this.mirror.note(found);
    return { revision: found.revision, entry: decodeEntry(found.key, found.value) };
  }

  /** Writes a record that nobody else writes, unless there is one already. */
  async tell(key: string, record: Parameters<typeof encodeRecord>[0]): Promise<void> {
    if (!this.mirror.get(key)) await this.swap(key, record, 0);
  }

  /** What is still to do, by what is published; `mine` counts what this process is publishing. */
  wanted(mine: boolean): Wanted {
    return new Wanted(this.shape, (task) => (mine ? this.isHere(task) : this.mirror.done(task) !== undefined));
  }

  /** Drops chunks that nobody needs: those that a node left behind that died between publishing and dropping. */
  async sweep(): Promise<void> {
    const chunks = await patiently(this.#patience, () => this.#engine.chunkKeys());
    const wanted = this.wanted(false);
    const prefixes = new Set(chunks.map((key) => key.split('.').slice(0, 2).join('.')));
    for (const prefix of prefixes) {
      const entry = this.#taskOf(prefix);
      if (entry && this.mirror.done(entry) && !wanted.isKept(entry))
        await patiently(this.#patience, () => this.#engine.dropChunks(prefix));
    }
  }

  #taskOf(prefix: string): Task | undefined {
    const entry = this.mirror.get(`task.${prefix}`)?.entry;
    return entry?.type === 'task' ? entry.task : undefined;
  }

  async #publish(task: Task, output: Output, digest: string): Promise<void> {
    const key = keys.task(task);
    const record: DoneRecord = {
      v: 1,
      state: 'done',
      by: this.id,
      digest,
      steps: output.steps,
      bytes: output.buffer.byteLength,
      chunkBytes: this.#engine.chunkBytes,
    };
    const prefix = chunkPrefix(taskKey(task), digest);
    let uploaded = false;
    for (;;) {
      const now = await this.read(key);
      const other = now?.entry?.type === 'task' ? now.entry.record : undefined;
      if (other?.state === 'done' && this.#fits(task, other)) {
        if (other.digest === digest) break;
        // Only a result that is there can disagree; an announcement without one is put right.
        if (await this.#get(task, other)) await this.#conflict(task, other, digest);
      }
      if (!uploaded) await putOutput(this.#engine, prefix, output.buffer, (work) => patiently(this.#patience, work));
      uploaded = true;
      if (await this.swap(key, record, now?.revision ?? 0)) break;
      await this.#options.clock.sleep(10, this.signal);
      this.signal.throwIfAborted();
    }
    await this.#dropUnneeded(task);
  }

  async #conflict(task: Task, published: TaskRecord, digest: string): Promise<never> {
    this.conflicts += 1;
    const name = taskKey(task);
    const text =
      `${this.#options.name} computed ${name} with digest ${digest.slice(0, 16)}, but ${published.by} had published it ` +
      `with ${published.state === 'done' ? published.digest.slice(0, 16) : 'none'}; the first one stands`;
    await this.tell(keys.conflict(task, this.id), { v: 1, by: this.id, name: this.#options.name, text });
    await patiently(this.#patience, () => this.#engine.dropChunks(chunkPrefix(name, digest)));
    throw new PffError('cluster', `two nodes disagree: ${text}`, {
      hint: 'Same spec, same bits: one of the two machines computes wrongly (memory, CPU, overclocking), or its program differs.',
    });
  }

  async #dropUnneeded(task: Task): Promise<void> {
    const wanted = this.wanted(true);
    for (const key of this.#cache.keys()) {
      const kept = this.#cachedTask(key);
      if (kept && !wanted.isKept(kept)) this.#cache.delete(key);
    }
    const published = this.wanted(false);
    for (const source of [...needs(this.shape, task), task])
      if (this.mirror.done(source) && !published.isKept(source))
        await patiently(this.#patience, () => this.#engine.dropChunks(taskKey(source)));
  }

  #cachedTask(key: string): Task | undefined {
    const entry = this.mirror.get(`task.${key}`)?.entry;
    return entry?.type === 'task' && entry.record.state === 'done' ? entry.task : undefined;
  }

  async #fetch(task: Task): Promise<Output> {
    const key = taskKey(task);
    for (let look = 1; ; look++) {
      const record = await this.#announced(task);
      const output = await this.#get(task, record);
      if (output) {
        // One that nobody needs any more would stay: it is dropped when the last task that needed it is published.
        if (this.wanted(true).isKept(task)) this.#cache.set(key, { output, digest: record.digest });
        return output;
      }
      if (!this.wanted(false).isKept(task))
        throw new MissingOutput('cluster', `the output of ${key} is needed by nobody any more and was dropped`, {
          hint: 'The task that asked for it is published already.',
        });
      if (look >= LOOKS) await this.#lost(task, record);
      await this.#options.clock.sleep(BETWEEN_LOOKS_MS, this.signal);
    }
  }

  /** The record of a published task, once the mirror is whole. @throws MissingOutput if there is none (any more) */
  async #announced(task: Task): Promise<DoneRecord> {
    await this.until(() => this.mirror.settled, this.signal);
    const record = this.mirror.done(task);
    if (!record) throw new MissingOutput('cluster', `${taskKey(task)} is not published any more`);
    return record;
  }

  async #get(task: Task, record: DoneRecord): Promise<Output | undefined> {
    const prefix = chunkPrefix(taskKey(task), record.digest);
    const buffer = await getOutput(
      this.#engine,
      prefix,
      record,
      (work) => patiently(this.#patience, work),
      this.#breathe,
    );
    if (!buffer || (task.kind === 'train' && !allFinite(buffer))) return undefined;
    return { steps: record.steps, buffer };
  }

  /** Frees the record of an output that is not there, if it is still the same record. */
  async #lost(task: Task, record: DoneRecord): Promise<never> {
    const key = keys.task(task);
    const now = await this.read(key);
    const same =
      now?.entry?.type === 'task' && now.entry.record.state === 'done' && now.entry.record.digest === record.digest;
    if (now && same) {
      await this.swap(key, { v: 1, state: 'free', by: this.id }, now.revision);
      this.lostOutputs += 1;
    }
    throw new MissingOutput('cluster', `the published output of ${taskKey(task)} is lost or damaged`, {
      hint: 'It will be computed again.',
    });
  }

  #fits(task: Task, record: DoneRecord): boolean {
    const expected = this.#options.expectedBytes(task) ?? record.bytes;
    return record.bytes === expected && record.bytes <= MOST_BYTES;
  }

  #break(error: unknown): void {
    this.#broken.abort(error);
  }
}

/** The promise's result, or the signal's reason if that aborts first. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
