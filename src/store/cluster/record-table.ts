/**
 * A run's records as a process reads and writes them: by compare-and-set, and by a mirror in memory that follows the engine.
 * Everything here waits as long as it takes for an engine that is away.
 */
import type { Task } from '../../schedule/tasks.js';
import type { Engine } from './engine.js';
import { Mirror, type RecordReader } from './mirror.js';
import { patiently, type Patience } from './patience.js';
import { encodeRecord, keys, type RunEntry } from './records.js';

export type AnyRecord = Parameters<typeof encodeRecord>[0];

/** The newest record of a key; `entry` is undefined for one that was refused. */
export interface Found {
  readonly revision: number;
  readonly entry: RunEntry | undefined;
}

/** Somebody else may write the same key again and again. */
const MOST_TRIES = 10;

export class RecordTable {
  readonly mirror: Mirror;
  readonly #engine: Engine;
  readonly #patience: Patience;
  readonly #id: string;
  readonly #reader: RecordReader;

  /**
   * @param id names this process in what it writes.
   * @param reader judges what others wrote.
   */
  constructor(engine: Engine, patience: Patience, id: string, reader: RecordReader) {
    this.#engine = engine;
    this.#patience = patience;
    this.#id = id;
    this.#reader = reader;
    this.mirror = new Mirror(engine, patience, reader);
  }

  /** Writes a record if the newest revision of its key is `expected` (0: there is none); true if it went through. */
  async swap(key: string, record: AnyRecord, expected: number): Promise<boolean> {
    const value = encodeRecord(record);
    const { incarnation } = this.mirror;
    const revision = await patiently(this.#patience, () => this.#engine.write(key, value, expected));
    if (revision === undefined) return false;
    this.mirror.note({ key, revision, value }, incarnation);
    return true;
  }

  /** The newest record of a key, from the engine itself. */
  async read(key: string): Promise<Found | undefined> {
    const found = await patiently(this.#patience, () => this.#engine.read(key));
    if (!found) return undefined;
    this.mirror.note(found);
    const mirrored = this.mirror.get(key);
    const isMirrored = mirrored?.revision === found.revision && !mirrored.overwritten;
    return { revision: found.revision, entry: isMirrored ? mirrored.entry : this.#reader.read(key, found.value) };
  }

  /** Writes a record unless there is one already; one that was refused counts as none. */
  async tell(key: string, record: AnyRecord): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const there = this.mirror.get(key);
      if (there?.entry || (await this.swap(key, record, there?.revision ?? 0))) return;
      await this.read(key);
    }
  }

  /**
   * Writes a record over whatever is there until `told` says that it is believed: somebody who may not write it can write his own
   * meanwhile. False if that did not come about.
   */
  async tellOver(key: string, record: AnyRecord, told: () => boolean): Promise<boolean> {
    for (let tries = 0; tries < MOST_TRIES && !told(); tries++)
      if (!(await this.swap(key, record, this.mirror.get(key)?.revision ?? 0))) await this.read(key);
    return told();
  }

  /** Notes that this process does `task` now. False if somebody else got it first, or it is done. */
  async claim(task: Task): Promise<boolean> {
    const key = keys.task(task);
    const claimed = { v: 1, state: 'claimed', by: this.#id } as const;
    if (await this.swap(key, claimed, this.mirror.get(key)?.revision ?? 0)) return true;
    return this.#isMine(await this.read(key));
  }

  /** Gives up a claim of this process. */
  async release(task: Task): Promise<void> {
    const key = keys.task(task);
    const now = await this.read(key);
    if (now && this.#isMine(now)) await this.swap(key, { v: 1, state: 'free', by: this.#id }, now.revision);
  }

  /** Waits until `condition` holds; looks again whenever a record changes. Rejects with the reason of either signal. */
  async until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    const own = this.#patience.signal;
    for (const each of [signal, own]) each.throwIfAborted();
    if (condition()) return;
    const all = signal === own ? signal : AbortSignal.any([signal, own]);
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

  #isMine(found: Found | undefined): boolean {
    const record = found?.entry?.type === 'task' ? found.entry.record : undefined;
    return record?.state === 'claimed' && record.by === this.#id;
  }
}
