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
import { Dropping } from './dropping.js';
import { Fetching } from './fetching.js';
import type { Mirror, Mirrored } from './mirror.js';
import { Outputs } from './outputs.js';
import type { Patience } from './patience.js';
import { Publication } from './publication.js';
import { RecordKeeper, type Kept } from './record-keeper.js';
import { RecordTable } from './record-table.js';
import { decodeEntry, keys, type DoneRecord, type FailureRecord, type RunEntry } from './records.js';
import { runFailure } from './run-failure.js';
import { Standing } from './standing.js';
import { StoreAudits } from './store-audits.js';
import { TaskSources } from './task-sources.js';
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
  readonly #uploads = new Map<string, Promise<void>>();
  readonly #views: WantedViews;
  readonly #keeper: RecordKeeper;
  /** Where results are audited: what is said of them. */
  readonly audits: StoreAudits | undefined;
  readonly #standing: Standing | undefined;
  /** What nobody needs any more, on the server and in memory. */
  readonly dropping: Dropping;
  readonly #publication: Publication;
  readonly #fetching: Fetching;
  /** The task that this process does now, and whether only to check it. */
  #under: { readonly key: string; readonly audit: boolean; readonly sources: TaskSources } | undefined;
  #following: Promise<void> | undefined;

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
      lost: () => this.dropping.free(),
      over: options.over ?? false,
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
    this.dropping = new Dropping({
      shape: options.shape,
      clock,
      signal: this.signal,
      mirror: this.mirror,
      outputs: this.#outputs,
      cache: this.#cache,
      audited: this.audits !== undefined,
      wanted: (mine) => this.wanted(mine),
    });
    this.#standing =
      this.audits &&
      new Standing({
        shape: options.shape,
        audits: this.audits,
        records: this.records,
        views: this.#views,
        freeDropped: () => this.dropping.free(),
        cache: this.#cache,
        uploads: this.#uploads,
        settled: () => this.dropping.settled(),
      });
    this.#publication = new Publication({
      id: options.id,
      name: options.name,
      clock,
      signal: this.signal,
      breathe: this.#breathe,
      outputs: this.#outputs,
      records: this.records,
      audits: this.audits,
      dropping: this.dropping,
      cache: this.#cache,
      fits: (task, record) => this.#fits(task, record),
      outdate: () => this.#standing?.outdate(),
    });
    this.#fetching = new Fetching({
      records: this.records,
      outputs: this.#outputs,
      cache: this.#cache,
      isHere: (task) => this.isHere(task),
      wanted: (mine) => this.wanted(mine),
      know: (task, record) => this.#publication.know(task, record),
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

  /** Results of this process that differed from the published ones. */
  get conflicts(): number {
    return this.#publication.conflicts;
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
    // Where it was never followed.
    this.mirror.close();
    await Promise.allSettled([...this.#uploads.values(), this.#fetching.ended()]);
  }

  /** Waits until all publications have gone through. */
  async flush(): Promise<void> {
    await Promise.all(this.#uploads.values());
    this.signal.throwIfAborted();
  }

  async fetch(task: Task, signal: AbortSignal): Promise<Output> {
    return (await this.#fetching.obtain(task, signal)).output;
  }

  /** The store for a task under way (fetching.ts). */
  ready(): Store {
    return this.#fetching.ready(
      (name, source) => this.#under?.sources.use(name, source),
      (task, output) => this.publish(task, output),
    );
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
    if (under?.audit) return this.#publication.check(task, output, under.sources);
    const known = this.#cache.get(key);
    const kept: Kept = known?.output === output ? known : { task, output, sources: under?.sources };
    this.#cache.set(key, kept);
    const upload = this.#publication
      .publish(kept)
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
    await this.#fetching.published(task, signal);
  }

  /** Where results are audited: notes that this process begins `task`, be it to check it only, or has ended it. */
  begin(task: Task | undefined, audit = false): void {
    if (!this.audits) return;
    const sources = new TaskSources();
    for (const need of task ? needs(this.shape, task) : []) {
      const source = this.#cache.get(taskKey(need)) ?? this.mirror.done(need)?.digest;
      if (source !== undefined) sources.expect(taskKey(need), source);
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
    this.dropping.settled();
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
    await this.records.tellOver(keys.failed, record, () => this.failure() !== undefined);
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
      this.dropping.reset();
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
