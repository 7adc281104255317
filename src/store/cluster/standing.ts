/**
 * Where results are audited: which announced results count now, and what follows in a process when that changes. What is said of a
 * result may come before its announcement or after it, and a refuted key makes many fall at once.
 */
import type { GraphShape } from '../../schedule/shape.js';
import { needs, taskKey, type Task } from '../../schedule/tasks.js';
import type { Kept } from './record-keeper.js';
import type { RecordTable } from './record-table.js';
import { keys, type DoneRecord, type RunEntry } from './records.js';
import type { StoreAudits } from './store-audits.js';
import type { WantedViews } from './wanted-views.js';

/** What of a process's store follows from what counts. */
export interface StandingParts {
  readonly shape: GraphShape;
  readonly audits: StoreAudits;
  readonly records: RecordTable;
  readonly views: WantedViews;
  /** Frees the records of outputs that are needed again and were dropped. */
  readonly freeDropped: () => Promise<void>;
  /** Outputs in memory: those of results that fell are removed. */
  readonly cache: Map<string, Kept>;
  /** Names of the outputs on their way to the server: those stay, whoever uploads them finds out. */
  readonly uploads: { has(key: string): boolean };
  /** The audit of a result is settled: what it needed may be needed no more. */
  readonly settled: () => void;
}

export class Standing {
  readonly #parts: StandingParts;
  /** Announced results that do not count: what is said of them is missing, or was refuted. */
  readonly #doubtful = new Set<string>();
  /** Digests of the published results that count, as they were last. */
  readonly #lastDone = new Map<string, string>();
  #bookEpoch = 0;
  /** Changes when something that this process may have in memory counts no more. */
  #epoch = 0;

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** What this process has in memory may be of a result that does not count. */
  outdate(): void {
    this.#epoch += 1;
  }

  /** The records are read anew: nothing is known of them any more. */
  reset(): void {
    this.#doubtful.clear();
  }

  /** All records have been read. */
  settle(): void {
    this.#noteAll();
    this.#parts.audits.restore();
  }

  /** The record of a task has changed, or whether its result counts. */
  note(key: string): void {
    const { views, audits, cache, uploads } = this.#parts;
    views.note(key);
    const done = this.#announced(key);
    if (done && !audits.book.stands(key, done.digest)) this.#doubtful.add(key);
    else this.#doubtful.delete(key);
    if (!done || this.#doubtful.has(key)) return;
    const before = this.#lastDone.get(key);
    this.#lastDone.set(key, done.digest);
    if (before !== undefined && before !== done.digest) this.outdate();
    const kept = cache.get(key);
    if (kept?.digest !== undefined && kept.digest !== done.digest && !uploads.has(key)) cache.delete(key);
  }

  /** Something was said about a task. */
  hear(name: string, entry: RunEntry | undefined): void {
    const { audits, views, settled } = this.#parts;
    audits.heard(name, entry?.type === 'audit' ? entry.record : undefined);
    if (!entry) return;
    if (this.#bookEpoch !== audits.book.epoch) {
      this.#fall(audits.book.epoch);
      return;
    }
    // What was drawn may count only now; what was made of this, too.
    const open = views.of(false).audits();
    for (const task of open) views.noteTask(task);
    for (const key of [name, ...this.#doubtful]) this.note(key);
    const left = new Set(views.of(false).audits().map(taskKey));
    if (open.some((task) => !left.has(taskKey(task)))) settled();
  }

  /**
   * Whether an announced result of `task` counts, after all that is said of it, and of what it was made of, was read from the server
   * itself: evidence is rewritten whenever something is added, so that it may be read long after the result.
   */
  async hearOf(task: Task): Promise<boolean> {
    const { records, audits, shape } = this.#parts;
    if (!this.#announced(taskKey(task))) return false;
    const seen = new Set<string>();
    const todo = [task];
    for (let next = todo.pop(); next; next = todo.pop()) {
      if (seen.has(taskKey(next)) || records.mirror.done(next)) continue;
      seen.add(taskKey(next));
      await records.read(keys.audit(next));
      if (!records.mirror.done(next) && audits.book.evidence(taskKey(next)).statements.length > 0)
        todo.push(...needs(shape, next));
    }
    // The task itself in any case: else whoever chose it by what it seemed to be chooses it again and again.
    for (const name of seen.add(taskKey(task))) this.note(name);
    return records.mirror.done(task) !== undefined;
  }

  /** A key was refused: what it did counts no more, nor what was made of that. */
  #fall(epoch: number): void {
    const { audits, views, cache, uploads, records, freeDropped } = this.#parts;
    this.#bookEpoch = epoch;
    this.outdate();
    views.forget();
    for (const [name, { digest }] of cache)
      if (digest !== undefined && !audits.book.stands(name, digest) && !uploads.has(name)) cache.delete(name);
    this.#noteAll();
    if (audits.signer && records.mirror.settled) freeDropped().catch(() => {});
  }

  #noteAll(): void {
    for (const { key } of this.#parts.records.mirror.all())
      if (key.startsWith('task.')) this.note(key.slice('task.'.length));
  }

  #announced(key: string): DoneRecord | undefined {
    const entry = this.#parts.records.mirror.get(`task.${key}`)?.entry;
    return entry?.type === 'task' && entry.record.state === 'done' ? entry.record : undefined;
  }
}
