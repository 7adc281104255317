/**
 * A copy of a run's records in memory, kept up to date by following the engine's revisions, and the one clock by which
 * leases run out: the observer's own. A record is as old as the time during which this process has watched it stay the
 * same, with a working connection; neither wall clocks nor other machines' clocks enter. So a frozen process that goes on
 * takes nobody for dead, and while the server is down nobody ages.
 */
import { taskKey, type Task } from '../../schedule/tasks.js';
import { sleepUntil } from './clock.js';
import type { Engine, Entry, Hint } from './engine.js';
import { patiently, type Patience } from './patience.js';
import { SeenRevisions } from './seen-revisions.js';
import type { DoneRecord, NodeRecord, RunEntry, TaskRecord } from './records.js';

export interface Mirrored {
  readonly key: string;
  readonly revision: number;
  /** Undefined for a record that was refused. */
  readonly entry: RunEntry | undefined;
  /** The record says another result than the one that is known, which stands. */
  readonly overwritten: boolean;
  /** Observed time (ms, see `Mirror.observed`) when this revision was first seen. */
  readonly since: number;
}

export interface RecordReader {
  /** Undefined for what is refused. */
  read(key: string, value: Uint8Array): RunEntry | undefined;
  /** Told when a result that is known is announced with another digest. */
  changed(task: Task, known: DoneRecord, found: DoneRecord): void;
  /** Where results are audited: whether this one counts now. One that does not is as if it were not there. */
  stands?(task: Task, record: DoneRecord): boolean;
}

/** Who does a task now. Writing the same claim again makes it no younger. */
export interface Claim {
  readonly by: string;
  /** Observed time since when it is `by`'s. */
  readonly since: number;
  /** Since when it is anybody's, one after the other. */
  readonly first: number;
}

/** Without a hint the mirror looks for news this often: hints may be lost. */
export const POLL_MS = 1000;

export class Mirror {
  readonly #engine: Engine;
  readonly #patience: Patience;
  readonly #reader: RecordReader;
  /** What results were when this process made or verified them, by key. */
  readonly #known = new Map<string, DoneRecord>();
  readonly #records = new Map<string, Mirrored>();
  readonly #nodes = new Map<number, Mirrored>();
  readonly #claims = new Map<string, Claim>();
  readonly #listeners = new Set<(changed: Mirrored | undefined) => void>();
  readonly #stopListening: () => void;
  readonly #seen = new SeenRevisions();
  #identity: string | undefined;
  #observed = 0;
  /** Answers of the engine so far: while this stands still, there is none. */
  #answers = 0;
  #lastLook: number | undefined;
  /** When the engine was last asked what its newest revision is, by this process's clock. */
  #lastState = -Infinity;
  #hinted = true;
  /** The newest revision that hints have told of. */
  #told = 0;
  #resetHinted = false;
  #wake: () => void = () => {};
  /** Everything has been read since the start, or since the last loss. */
  settled = false;
  /** Records refused since the start: malformed, too long, of another version, of an impossible size. */
  refusedRecords = 0;

  constructor(engine: Engine, patience: Patience, reader: RecordReader) {
    this.#engine = engine;
    this.#patience = patience;
    this.#reader = reader;
    this.#stopListening = engine.listen((hint, revision) => this.#hint(hint, revision));
  }

  /** Milliseconds of observation so far: time in which the engine was looked at again and again, without gaps. */
  get observed(): number {
    return this.#observed;
  }

  get answers(): number {
    return this.#answers;
  }

  get(key: string): Mirrored | undefined {
    return this.#records.get(key);
  }

  all(): IterableIterator<Mirrored> {
    return this.#records.values();
  }

  task(task: Task): { readonly record: TaskRecord; readonly since: number } | undefined {
    const mirrored = this.#records.get(`task.${taskKey(task)}`);
    if (mirrored?.entry?.type !== 'task') return undefined;
    const { record } = mirrored.entry;
    if (record.state === 'done' && this.#reader.stands?.(task, record) === false) return undefined;
    return { record, since: mirrored.since };
  }

  done(task: Task): DoneRecord | undefined {
    const record = this.task(task)?.record;
    return record?.state === 'done' ? record : undefined;
  }

  /** Who does `task` now. */
  claim(task: Task): Claim | undefined {
    return this.#claims.get(`task.${taskKey(task)}`);
  }

  claims(): IterableIterator<Claim> {
    return this.#claims.values();
  }

  /** Notes a result that this process made or verified: from now on no other is believed. */
  know(task: Task, record: DoneRecord): void {
    this.#known.set(`task.${taskKey(task)}`, record);
  }

  /** Takes back `know`, for a result that is of no use any more. */
  forget(task: Task): void {
    this.#known.delete(`task.${taskKey(task)}`);
  }

  /** Whether the engine's record says that `task` is done, with the result that is known if one is. */
  isIntact(task: Task): boolean {
    const key = `task.${taskKey(task)}`;
    const [done, known] = [this.done(task), this.#known.get(key)];
    if (!done || this.#records.get(key)?.overwritten) return false;
    return known === undefined || known.digest === done.digest;
  }

  /** Every node's record, with its number and how long it has not changed (ms, observed). */
  nodes(): { readonly number: number; readonly record: NodeRecord; readonly age: number; readonly revision: number }[] {
    const found = [];
    for (const { entry, since, revision } of this.#nodes.values())
      if (entry?.type === 'node')
        found.push({ number: entry.number, record: entry.record, age: this.#observed - since, revision });
    return found.sort((a, b) => a.number - b.number);
  }

  /** Calls `listener` with each record that is new or other than before; with undefined after everything was read again. */
  subscribe(listener: (changed: Mirrored | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Changes when all that is known is forgotten: revisions from before may be of another entry now. */
  get incarnation(): number {
    return this.#seen.incarnation;
  }

  /** Notes an entry that this process read itself; or wrote, if it says in which incarnation it began to. */
  note(entry: Entry, incarnation?: number): void {
    if (incarnation !== undefined) this.#seen.add(entry.revision, incarnation);
    const before = this.#records.get(entry.key);
    if (before && before.revision >= entry.revision) return;
    let decoded = this.#reader.read(entry.key, entry.value);
    const known = this.#known.get(entry.key);
    const found = decoded?.type === 'task' && decoded.record.state === 'done' ? decoded.record : undefined;
    const overwritten = known !== undefined && found !== undefined && found.digest !== known.digest;
    if (!decoded || overwritten) this.refusedRecords += 1;
    if (decoded?.type === 'task' && known && found && overwritten) {
      this.#reader.changed(decoded.task, known, found);
      decoded = { ...decoded, record: known };
    }
    const { key, revision } = entry;
    const mirrored = { key, revision, entry: decoded, overwritten, since: this.#observed };
    this.#records.set(entry.key, mirrored);
    if (decoded?.type === 'node') this.#nodes.set(decoded.number, mirrored);
    else if (before?.entry?.type === 'node') this.#nodes.delete(before.entry.number);
    this.#noteClaim(entry.key, decoded);
    for (const listener of this.#listeners) listener(mirrored);
  }

  /** Reads everything once; resolves when the mirror is up to date. */
  async refresh(): Promise<void> {
    await patiently(this.#patience, () => this.#look());
  }

  /** Follows the engine until the patience's signal aborts (then it resolves). @throws EngineError `denied`, `removed` */
  async follow(): Promise<void> {
    const { clock, signal } = this.#patience;
    try {
      while (!signal.aborted) {
        await this.refresh();
        const leftMs = this.#lastState + POLL_MS - clock.now();
        if (this.#hinted || leftMs <= 0) continue;
        await sleepUntil(clock, leftMs, [signal], (wake) => {
          this.#wake = wake;
          return () => {};
        });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.close();
    }
  }

  /** Hears no more of the engine. */
  close(): void {
    this.#stopListening();
  }

  async #look(): Promise<void> {
    const { clock, signal } = this.#patience;
    if (this.#resetHinted) this.#reset();
    const before = this.#answers;
    const last = await this.#newest();
    while (this.#seen.all < last) {
      signal.throwIfAborted();
      const entry = await this.#engine.next(this.#seen.all);
      if (!entry) break;
      this.#answers += 1;
      this.#seen.reach(entry.revision);
      this.note(entry);
    }
    if (this.#answers === before) return;
    const now = clock.now();
    // A gap (a frozen process, a lost connection) counts as one look at most.
    if (this.#lastLook !== undefined) this.#observed += Math.min(now - this.#lastLook, 2 * POLL_MS);
    this.#lastLook = now;
    if (this.settled) return;
    this.settled = true;
    for (const listener of this.#listeners) listener(undefined);
  }

  /**
   * The newest revision: as hints have told, so that a record costs each process one request; and now and then, or where they tell
   * nothing, as the engine says, for hints may be lost or wrong.
   */
  async #newest(): Promise<number> {
    const { clock } = this.#patience;
    const told = this.#told;
    this.#hinted = false;
    this.#told = 0;
    if (this.settled && told < Infinity && clock.now() - this.#lastState < POLL_MS) return told;
    const { identity, last } = await this.#engine.state();
    this.#answers += 1;
    this.#lastState = clock.now();
    if (identity !== this.#identity || last < this.#seen.all) this.#reset();
    this.#identity = identity;
    return last;
  }

  #noteClaim(key: string, entry: RunEntry | undefined): void {
    if (entry?.type !== 'task' || entry.record.state !== 'claimed') {
      this.#claims.delete(key);
      return;
    }
    const { by } = entry.record;
    const before = this.#claims.get(key);
    if (before?.by === by) return;
    this.#claims.set(key, { by, since: this.#observed, first: before?.first ?? this.#observed });
  }

  /** Forgets everything: what was acknowledged before may be gone. */
  #reset(): void {
    this.#resetHinted = false;
    this.settled = false;
    this.#seen.reset();
    this.#lastLook = undefined;
    this.#records.clear();
    this.#nodes.clear();
    this.#claims.clear();
    for (const listener of this.#listeners) listener(undefined);
  }

  #hint(hint: Hint, revision = Infinity): void {
    // Of this process's own writes, mostly.
    if (hint === 'changed' && revision <= this.#seen.all) return;
    this.#hinted = true;
    this.#told = Math.max(this.#told, revision);
    if (hint === 'reset') this.#resetHinted = true;
    this.#wake();
  }
}
