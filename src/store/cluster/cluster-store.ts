/**
 * The store of a run on a message engine: outputs in chunks, and one record a task that says who does it or what came of
 * it. The first published result of a task stands; a second one that differs is refused and told loudly. An output whose
 * record is there but whose bytes are gone counts as not published: its record is freed, and somebody does it again.
 */
import { expectManyListeners, yieldToEvents } from '#platform/event-loop';
import { PffError } from '../../errors.js';
import type { GraphShape } from '../../schedule/shape.js';
import { needs, taskKey, type Task } from '../../schedule/tasks.js';
import type { Wanted } from '../../schedule/wanted.js';
import type { Output, Store } from '../store.js';
import { fitsExpected, type ClusterStoreOptions } from './cluster-store-options.js';
import type { Mirror, Mirrored } from './mirror.js';
import { Outputs } from './outputs.js';
import type { Patience } from './patience.js';
import { RecordKeeper, type Kept } from './record-keeper.js';
import { RecordTable } from './record-table.js';
import { decodeEntry, keys, type DoneRecord, type FailureRecord, type RunEntry } from './records.js';
import { runFailure, tellFailure } from './run-failure.js';
import { allFinite, digestOf } from './transfer.js';
import { WantedViews } from './wanted-views.js';

/** Uploads that may go on while the node computes; one more publication waits for the oldest. */
const MOST_UPLOADS = 2;

export class ClusterStore implements Store {
  readonly id: string;
  /** Aborts when the store's user does, and when the store fails for good. */
  readonly signal: AbortSignal;
  readonly shape: GraphShape;
  readonly records: RecordTable;
  readonly #options: ClusterStoreOptions;
  readonly #patience: Patience;
  readonly #trials = new Set<{ readonly sinceMs: number }>();
  readonly #outputs: Outputs;
  readonly #broken = new AbortController();
  readonly #breathe: () => Promise<void>;
  /** Outputs that this process made or fetched, as long as the run needs them: a copy against a server that forgets. */
  readonly #cache = new Map<string, Kept>();
  readonly #fetching = new Map<string, Promise<Output>>();
  readonly #uploads = new Map<string, Promise<void>>();
  readonly #views: WantedViews;
  readonly #keeper: RecordKeeper;
  #following: Promise<void> | undefined;
  /** Results that differed from the published ones, made by this process or found in its place. */
  conflicts = 0;

  constructor(options: ClusterStoreOptions) {
    this.#options = options;
    this.shape = options.shape;
    this.id = options.id;
    this.signal = AbortSignal.any([options.signal, this.#broken.signal]);
    // Everything that waits listens for the end; there is no leak.
    expectManyListeners(options.signal, this.signal);
    this.#breathe = options.breathe ?? yieldToEvents;
    const { engine, clock, onTrouble } = options;
    this.#patience = { clock, signal: this.signal, onTrouble, reopen: () => engine.open(), trials: this.#trials };
    this.records = new RecordTable(engine, this.#patience, options.id, {
      read: (key, value) => this.#read(key, value),
      changed: (task, known, found) => this.#tellChange(task, known, found),
    });
    this.#outputs = new Outputs(engine, this.#patience, this.records, options.id, options.wire ?? 'f32', {
      mayFetch: (task, record) => {
        const { fetchedBytes } = options.expected(task);
        return fetchedBytes === undefined || record.bytes === fetchedBytes;
      },
      isSound: (task, buffer) =>
        task.kind === 'train' ? allFinite(buffer) : (options.soundLabels?.(task, buffer) ?? true),
    });
    this.#views = new WantedViews(
      options.shape,
      (task) => this.mirror.done(task) !== undefined,
      (task) => this.isHere(task),
    );
    this.#keeper = new RecordKeeper({
      clock,
      signal: this.signal,
      isDamaged: (kept) => this.#isDamaged(kept),
      publish: async ({ task, output }) => {
        await this.publish(task, output);
        await this.#uploads.get(taskKey(task));
      },
    });
    this.mirror.subscribe((changed) => this.#follow(changed));
  }

  get mirror(): Mirror {
    return this.records.mirror;
  }

  /** For how long the engine has refused something that is tried again and again, such as an output for which there is no room. */
  get stuckMs(): number {
    const now = this.#options.clock.now();
    return Math.max(0, ...[...this.#trials].map(({ sinceMs }) => now - sinceMs));
  }

  /** Outputs that were announced but not there, or damaged. */
  get lostOutputs(): number {
    return this.#outputs.lost;
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
    if (known) return known.output;
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
        await this.records.until(() => this.mirror.settled || here(task), signal);
        if (!here(task)) await this.#outputs.announced(task);
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
    await this.#outputs.find(task, () => true);
  }

  /** Begins to fetch an output that will be needed soon, if it is there; tells nothing of failures. */
  prefetch(task: Task): void {
    if (this.mirror.done(task)) this.fetch(task, this.signal).catch(() => {});
  }

  /**
   * Publishes in the background: returns at once (or, with several uploads under way, when the oldest is done). The output
   * may not change any more. @throws if an earlier publication failed.
   */
  async publish(task: Task, output: Output): Promise<void> {
    const key = taskKey(task);
    this.signal.throwIfAborted();
    if (this.#uploads.has(key)) return;
    const known = this.#cache.get(key);
    const kept: Kept = known?.output === output ? known : { task, output };
    this.#cache.set(key, kept);
    const upload = this.#publish(kept)
      .catch((error: unknown) => this.#break(error))
      .finally(() => {
        this.#uploads.delete(key);
        this.#views.note(key);
      });
    this.#uploads.set(key, upload);
    this.#views.note(key);
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
    await this.records.until(() => this.isHere(task), signal);
  }

  /** What is still to do, by what is published; `mine` counts what this process is publishing. */
  wanted(mine: boolean): Wanted {
    return this.#views.of(mine);
  }

  /** Why the run itself cannot be done, if somebody says so and it can be true as far as this process knows. */
  failure(): FailureRecord | undefined {
    return runFailure(this.records, this.#options);
  }

  /** Tells everybody that the run itself cannot be done. */
  async fail(record: FailureRecord): Promise<void> {
    await tellFailure(this.records, record, () => this.failure() !== undefined);
  }

  /** Drops chunks that nobody needs: those that a node left behind that died between publishing and dropping. */
  async sweep(): Promise<void> {
    const wanted = this.wanted(false);
    for (const name of await this.#outputs.names()) {
      const entry = this.mirror.get(`task.${name}`)?.entry;
      if (entry?.type === 'task' && entry.record.state === 'done' && !wanted.isKept(entry.task))
        await this.#outputs.drop(entry.task);
    }
  }

  async #publish(kept: Kept): Promise<void> {
    const { task } = kept;
    const output = this.#outputs.onWire(task, kept.output);
    kept.digest ??= await digestOf(output, this.#breathe);
    const { digest } = kept;
    const key = keys.task(task);
    let uploaded = false;
    for (;;) {
      const now = await this.records.read(key);
      const other = now?.entry?.type === 'task' ? now.entry.record : undefined;
      if (other?.state === 'done' && this.#fits(task, other)) {
        if (other.digest === digest) {
          this.mirror.know(task, other);
          break;
        }
        // Only a result that is there can disagree; an announcement without one, or over this one, is put right.
        if (!kept.mine && (await this.#outputs.get(task, other))) await this.#conflict(task, other, digest);
      }
      if (!uploaded) await this.#outputs.put(task, output, digest);
      uploaded = true;
      const announcement = this.#outputs.announcement(output, digest);
      if (await this.records.swap(key, announcement, now?.revision ?? 0)) {
        this.mirror.know(task, announcement);
        kept.mine = true;
        break;
      }
      await this.#options.clock.sleep(10, this.signal);
      this.signal.throwIfAborted();
    }
    await this.#dropUnneeded(task);
  }

  async #conflict(task: Task, published: DoneRecord, digest: string): Promise<never> {
    this.conflicts += 1;
    const { name } = this.#options;
    const text =
      `${name} computed ${taskKey(task)} with digest ${digest.slice(0, 16)}, but ${published.by} had published it ` +
      `with ${published.digest.slice(0, 16)}; the first one stands`;
    await this.records.tell(keys.conflict(task, this.id), { v: 1, by: this.id, name, text });
    await this.#outputs.drop(task, digest);
    throw new PffError('cluster', `two nodes disagree: ${text}`, {
      hint: 'Same spec, same bits: one of the two machines computes wrongly (memory, CPU, overclocking), or its program differs.',
    });
  }

  async #dropUnneeded(task: Task): Promise<void> {
    const wanted = this.wanted(true);
    for (const [key, kept] of this.#cache)
      if (this.mirror.done(kept.task) && !wanted.isKept(kept.task)) {
        this.#cache.delete(key);
        this.mirror.forget(kept.task);
      }
    const published = this.wanted(false);
    for (const source of [...needs(this.shape, task), task])
      if (this.mirror.done(source) && !published.isKept(source)) await this.#outputs.drop(source);
  }

  async #fetch(task: Task): Promise<Output> {
    const { output, record } = await this.#outputs.find(task, () => this.wanted(false).isKept(task));
    // One that nobody needs any more would stay: it is dropped when the last task that needed it is published.
    if (this.wanted(true).isKept(task)) {
      this.#cache.set(taskKey(task), { task, output, digest: record.digest });
      this.mirror.know(task, record);
    }
    return output;
  }

  #read(key: string, value: Uint8Array): RunEntry | undefined {
    const { shape, nodes } = this.#options;
    const entry = decodeEntry(key, value, { shape, nodes });
    const done = entry?.type === 'task' && entry.record.state === 'done' ? entry.record : undefined;
    return entry?.type === 'task' && done && !this.#fits(entry.task, done) ? undefined : entry;
  }

  /** Tells everybody that a result was overwritten. */
  #tellChange(task: Task, known: DoneRecord, found: DoneRecord): void {
    const { name } = this.#options;
    const text =
      `${taskKey(task)} was published by ${known.by} with digest ${known.digest.slice(0, 16)}, and overwritten by ` +
      `${found.by} with ${found.digest.slice(0, 16)}; the first one stands`;
    this.records.tell(keys.conflict(task, this.id), { v: 1, by: this.id, name, text }).catch(() => {});
  }

  /**
   * Keeps up with the records, and looks after what this process published: a record that is not so any more is written again.
   */
  #follow(changed: Mirrored | undefined): void {
    if (!changed) {
      this.#views.forget();
      for (const kept of this.#cache.values()) this.#keeper.check(kept);
    } else if (changed.key.startsWith('task.')) {
      const key = changed.key.slice('task.'.length);
      this.#views.note(key);
      const kept = this.#cache.get(key);
      if (kept) this.#keeper.check(kept);
    }
  }

  #isDamaged(kept: Kept): boolean {
    const key = taskKey(kept.task);
    return (
      this.mirror.settled &&
      !this.signal.aborted &&
      this.#cache.get(key) === kept &&
      !this.#uploads.has(key) &&
      !this.mirror.isIntact(kept.task) &&
      this.wanted(false).isKept(kept.task)
    );
  }

  #fits(task: Task, record: DoneRecord): boolean {
    return fitsExpected(record, this.#options.expected(task));
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
