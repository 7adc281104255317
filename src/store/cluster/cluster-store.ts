/**
 * The store of a run on a message engine: outputs in chunks, and one record a task that says who does it or what came of
 * it. The first published result of a task stands; a second one that differs is refused and told loudly, or, where results
 * are audited (store-audits.ts), leads to a third. An output whose record is there but whose bytes are gone counts as not
 * published: its record is freed, and somebody does it again.
 */
import { expectManyListeners, yieldToEvents } from '#platform/event-loop';
import { PffError } from '../../errors.js';
import type { GraphShape } from '../../schedule/shape.js';
import { needs, parseTaskKey, taskKey, type Task } from '../../schedule/tasks.js';
import type { Wanted } from '../../schedule/wanted.js';
import type { Output, Store } from '../store.js';
import { fitsExpected, type ClusterStoreOptions } from './cluster-store-options.js';
import type { Mirror, Mirrored } from './mirror.js';
import { Outputs } from './outputs.js';
import type { Patience } from './patience.js';
import { RecordKeeper, type Kept, type Sources } from './record-keeper.js';
import { RecordTable } from './record-table.js';
import { decodeEntry, keys, type DoneRecord, type FailureRecord, type RunEntry } from './records.js';
import { runFailure, tellFailure } from './run-failure.js';
import { Standing } from './standing.js';
import { StoreAudits } from './store-audits.js';
import { allFinite, digestOf } from './transfer.js';
import { WantedViews } from './wanted-views.js';

/** Uploads that may go on while the node computes; one more publication waits for the oldest. */
const MOST_UPLOADS = 2;
/** After so long what others have said is known here. */
const SETTLED_MS = 1000;

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
  /** Where results are audited: what is said of them. */
  readonly audits: StoreAudits | undefined;
  readonly #standing: Standing | undefined;
  /** The task that this process does now, and whether only to check it. */
  #under: { readonly key: string; readonly audit: boolean; readonly sources: Sources } | undefined;
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
      stands: (task, { digest }) => this.audits?.book.stands(taskKey(task), digest) ?? true,
    });
    this.audits =
      options.audits &&
      new StoreAudits(options.audits, options.shape, { clock, signal: this.signal }, () => this.records);
    this.#outputs = new Outputs(engine, this.#patience, this.records, options.id, options.wire ?? 'f32', {
      mayFetch: (task, record) => {
        const { fetchedBytes } = options.expected(task);
        return fetchedBytes === undefined || record.bytes === fetchedBytes;
      },
      isSound: (task, buffer) =>
        task.kind === 'train' ? allFinite(buffer) : (options.soundLabels?.(task, buffer) ?? true),
      lost: () => this.#freeDropped(),
    });
    this.#views = new WantedViews(
      options.shape,
      (task) => this.mirror.done(task) !== undefined,
      (task) => this.isHere(task),
      (task) => {
        const done = this.audits && this.mirror.done(task);
        return done ? this.audits.book.audit(taskKey(task), done.digest) !== 'settled' : false;
      },
    );
    this.#standing =
      this.audits &&
      new Standing({
        id: options.id,
        shape: options.shape,
        audits: this.audits,
        records: this.records,
        views: this.#views,
        freeDropped: () => this.#freeDropped(),
        cache: this.#cache,
        uploads: this.#uploads,
        settled: (task) => this.#dropUnneeded(task),
      });
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

  /** Changes when something that this process may have in memory counts no more: whoever computes must forget all he holds. */
  get epoch(): number {
    return this.#standing?.epoch ?? 0;
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
    const digest = this.mirror.done(task)?.digest;
    if (known && (digest === undefined || known.digest === undefined || known.digest === digest)) return known.output;
    // Of this very result: it may be another by now than one that is on its way already.
    const name = `${key} ${digest}`;
    let fetching = this.#fetching.get(name);
    if (!fetching) {
      fetching = this.#fetch(task).finally(() => this.#fetching.delete(name));
      this.#fetching.set(name, fetching);
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

  /** A published output that counts, if it is there. Frees no record, whatever is missing. */
  async peek(task: Task): Promise<Output | undefined> {
    const done = this.mirror.done(task);
    return done && this.#outputs.get(task, done);
  }

  /** The digest that an output of `task` has, made anywhere. */
  digest(task: Task, output: Output): Promise<string> {
    return digestOf(this.#outputs.onWire(task, output), this.#breathe);
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
    const under = this.#under?.key === key ? this.#under : undefined;
    if (under?.audit) return this.#check(task, output, under.sources);
    const known = this.#cache.get(key);
    const kept: Kept = known?.output === output ? known : { task, output, sources: under?.sources };
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

  /** Where results are audited: notes that this process begins `task`, be it to check it only, or has ended it. */
  begin(task: Task | undefined, audit = false): void {
    if (!this.audits) return;
    const sources = new Map<string, Kept | string>();
    for (const need of task ? needs(this.shape, task) : []) {
      const source = this.#cache.get(taskKey(need)) ?? this.mirror.done(need)?.digest;
      if (source !== undefined) sources.set(taskKey(need), source);
    }
    this.#under = task && { key: taskKey(task), audit, sources };
  }

  /**
   * Takes `task` for this process; false if somebody else has it, or it is done. Where results are audited a claim may overwrite a
   * result that does not count: only after all that is said of it was read, for a mirror may lag behind.
   */
  async claim(task: Task): Promise<boolean> {
    if (await this.#standing?.hearOf(task)) return false;
    return this.records.claim(task);
  }

  /** Whether `task` is done here now only to check it. */
  isChecking(task: Task): boolean {
    return this.#under?.key === taskKey(task) && this.#under.audit;
  }

  /** Draws whether a published result is checked. */
  async draw(task: Task): Promise<void> {
    const done = this.mirror.done(task);
    if (!done) return;
    await this.audits?.draw(task, done.digest);
    await this.#dropSettled(task);
  }

  /** Whether somebody who may has stopped the run. */
  get stopped(): boolean {
    const entry = this.mirror.get(keys.stop)?.entry;
    return entry?.type === 'stop' && (this.audits?.mayStop(entry.record) ?? true);
  }

  /** What is still to do, by what is published; `mine` counts what this process is publishing. */
  wanted(mine: boolean): Wanted {
    return this.#views.of(mine);
  }

  /** Why the run itself cannot be done, if somebody says so and it can be true as far as this process knows. */
  failure(): FailureRecord | undefined {
    const failure = runFailure(this.records, this.#options);
    if (failure?.task === undefined || !this.audits || this.audits.book.failed(failure.task)) return failure;
    return undefined;
  }

  /** Tells everybody that the run itself cannot be done. Where results are audited, one more has to find that of a task. */
  async fail(record: FailureRecord): Promise<void> {
    if (this.audits && this.#under && record.task === this.#under.key) {
      await this.audits.attestFailure(parseTaskKey(record.task), this.#under.sources);
      if (!this.audits.book.failed(record.task)) return;
    }
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
    if (this.audits) {
      const said = await (kept.said ??= this.#attest(task, output, digest, kept.sources));
      if (!said || !this.audits.book.stands(taskKey(task), digest)) return this.#discard(kept);
    }
    let uploaded = false;
    for (;;) {
      const now = await this.records.read(key);
      const other = now?.entry?.type === 'task' ? now.entry.record : undefined;
      if (other?.state === 'done' && this.#fits(task, other) && this.#stands(task, other)) {
        if (other.digest === digest) {
          this.#know(task, other);
          break;
        }
        if (this.audits) return this.#discard(kept);
        // Only a result that is there can disagree; an announcement without one, or over this one, is put right.
        if (!kept.mine && (await this.#outputs.get(task, other))) await this.#conflict(task, other, digest);
      }
      if (!uploaded) await this.#outputs.put(task, output, digest);
      uploaded = true;
      const announcement = this.#outputs.announcement(output, digest);
      if (await this.records.swap(key, announcement, now?.revision ?? 0)) {
        this.#know(task, announcement);
        kept.mine = true;
        break;
      }
      await this.#options.clock.sleep(10, this.signal);
      this.signal.throwIfAborted();
    }
    await this.#dropUnneeded(task);
  }

  /** Says what the output of a task is that was done to check it. */
  async #check(task: Task, output: Output, sources: Sources): Promise<void> {
    const made = this.#outputs.onWire(task, output);
    const digest = await digestOf(made, this.#breathe);
    await this.#attest(task, made, digest, sources);
    // Else what is held in memory now is of a result other than the published one.
    if (this.mirror.done(task)?.digest !== digest) this.#standing?.outdate();
    await this.#dropSettled(task);
  }

  /** Says what the output of a task is; and, if that is not what is published, in what they differ. Whether it is of use. */
  async #attest(task: Task, output: Output, digest: string, sources: Sources | undefined): Promise<boolean> {
    const { audits } = this;
    if (!audits) return true;
    const published = sources && this.mirror.done(task);
    // Before it is said, for what is refuted may be dropped.
    const other =
      published && published.digest !== digest
        ? await this.#outputs.get(task, published).catch(() => undefined)
        : undefined;
    const said = await audits.attest(task, sources, digest, output.chain);
    if (published && other) {
      const own = { output: this.#outputs.offWire(task, output), digest };
      audits.tellDifference(task, this.id, own, { output: other, digest: published.digest }).catch(() => {});
    }
    return said;
  }

  /** Gives up an output that is of no use: made of something that fell, or other than the published one. */
  async #discard(kept: Kept): Promise<void> {
    const key = taskKey(kept.task);
    if (this.#cache.get(key) === kept) this.#cache.delete(key);
    this.#standing?.outdate();
    await this.records.release(kept.task);
  }

  #stands(task: Task, { digest }: DoneRecord): boolean {
    return this.audits?.book.stands(taskKey(task), digest) ?? true;
  }

  /** The first result stands, unless results are audited: then what is said of them decides. */
  #know(task: Task, record: DoneRecord): void {
    if (!this.audits) this.mirror.know(task, record);
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

  /** Two processes may settle the last audits that need an output at once, each not knowing of the other: so it is looked at again. */
  async #dropSettled(task: Task): Promise<void> {
    await this.#dropUnneeded(task);
    const { clock } = this.#options;
    clock
      .sleep(SETTLED_MS, this.signal)
      .then(() => (this.signal.aborted ? undefined : this.#dropUnneeded(task)))
      .catch(() => {});
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

  /**
   * What is lost has to be done again from outputs that nobody needed any more: those that were dropped are freed all at once. Whoever
   * finds them one by one, each when it is asked for, does the same tasks again and again.
   */
  async #freeDropped(): Promise<void> {
    const revisions = new Map([...this.mirror.all()].map(({ key, revision }) => [key, revision]));
    const there = await this.#outputs.names();
    const wanted = this.wanted(false);
    const todo = [...wanted.tasks(), ...wanted.audits()];
    for (let task = todo.pop(); task; task = todo.pop())
      for (const need of needs(this.shape, task)) {
        const name = taskKey(need);
        const done = this.mirror.done(need);
        if (!done || there.has(name) || this.#cache.has(name)) continue;
        // One that was published since the look is there.
        if (this.mirror.get(keys.task(need))?.revision !== revisions.get(keys.task(need))) continue;
        await this.#outputs.free(need, done);
        todo.push(need);
      }
  }

  async #fetch(task: Task): Promise<Output> {
    const { output, record } = await this.#outputs.find(task, () => this.wanted(false).isKept(task));
    // One that nobody needs any more would stay: it is dropped when the last task that needed it is published.
    const now = this.mirror.done(task)?.digest ?? record.digest;
    if (this.wanted(true).isKept(task) && now === record.digest) {
      this.#cache.set(taskKey(task), { task, output, digest: record.digest });
      this.#know(task, record);
    }
    return output;
  }

  #read(key: string, value: Uint8Array): RunEntry | undefined {
    const { shape, nodes } = this.#options;
    const entry = decodeEntry(key, value, { shape, nodes });
    if (entry?.type === 'audit') this.audits?.book.add(taskKey(entry.task), entry.record);
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
    const standing = this.#standing;
    if (!changed) {
      this.#views.forget();
      standing?.reset();
      for (const kept of this.#cache.values()) this.#keeper.check(kept);
      if (this.mirror.settled) standing?.settle();
    } else if (standing && !this.mirror.settled) {
      // All is looked at together when the records were read once.
    } else if (changed.key.startsWith('task.')) {
      const key = changed.key.slice('task.'.length);
      if (standing) standing.note(key);
      else this.#views.note(key);
      const kept = this.#cache.get(key);
      if (kept) this.#keeper.check(kept);
    } else if (changed.key.startsWith('audit.')) standing?.hear(changed.key.slice('audit.'.length), changed.entry);
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
