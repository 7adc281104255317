/**
 * How a process publishes what it made: the bytes first, then the record that announces them, by compare-and-set. Where results are
 * audited, what the process says of its result comes before both, and what is of no use is given up.
 */
import { PffError } from '../../errors.js';
import { taskKey, type Task } from '../../schedule/tasks.js';
import type { Output } from '../store.js';
import type { Clock } from './clock.js';
import type { Dropping } from './dropping.js';
import type { Outputs } from './outputs.js';
import type { Kept, Sources } from './record-keeper.js';
import type { RecordTable } from './record-table.js';
import { keys, type DoneRecord } from './records.js';
import type { StoreAudits } from './store-audits.js';
import { digestOf } from './transfer.js';

/** What of a process's store it takes to publish. */
export interface PublicationParts {
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly breathe: () => Promise<void>;
  readonly outputs: Outputs;
  readonly records: RecordTable;
  readonly audits: StoreAudits | undefined;
  readonly dropping: Dropping;
  /** Outputs in memory, by name. */
  readonly cache: Map<string, Kept>;
  /** Whether a record is one that the task can have. */
  readonly fits: (task: Task, record: DoneRecord) => boolean;
  /** Told that what is held in memory may be of a result that does not count. */
  readonly outdate: () => void;
}

export class Publication {
  readonly #parts: PublicationParts;
  /** Results of this process that differed from the published ones. */
  conflicts = 0;

  constructor(parts: PublicationParts) {
    this.#parts = parts;
  }

  /** Resolves when the output is announced, or given up. @throws PffError `cluster` where it is not the published one, and nobody audits */
  async publish(kept: Kept): Promise<void> {
    const { clock, signal, breathe, outputs, records, audits, dropping, fits } = this.#parts;
    const { task } = kept;
    const output = outputs.onWire(task, kept.output);
    kept.digest ??= await digestOf(output, breathe);
    const { digest } = kept;
    const key = keys.task(task);
    // At once, since each takes an answer of the server.
    const saying = (kept.said ??= this.#attest(task, output, digest, kept.sources));
    const [said, there] = await Promise.all([saying, records.read(key)]);
    if (!said || !this.#stands(task, { digest })) return this.#discard(kept);
    let uploaded = false;
    for (let now = there; ; now = await records.read(key)) {
      const other = now?.entry?.type === 'task' ? now.entry.record : undefined;
      if (other?.state === 'done' && fits(task, other) && this.#stands(task, other)) {
        if (other.digest === digest) {
          this.know(task, other);
          return dropping.unneeded(task);
        }
        if (audits) return this.#discard(kept);
        // Only a result that is there can disagree; an announcement without one, or over this one, is put right.
        if (!kept.mine && (await outputs.get(task, other))) await this.#conflict(task, other, digest);
      }
      if (!uploaded) {
        await outputs.put(task, output, digest);
        dropping.uploaded(task);
        uploaded = true;
      }
      const announcement = outputs.announcement(output, digest);
      if (await records.swap(key, announcement, now?.revision ?? 0)) {
        this.know(task, announcement);
        kept.mine = true;
        return dropping.unneeded(task);
      }
      await clock.sleep(10, signal);
      signal.throwIfAborted();
    }
  }

  /** Says what the output of a task is that was done to check it. */
  async check(task: Task, output: Output, sources: Sources): Promise<void> {
    const { breathe, outputs, records, dropping, outdate } = this.#parts;
    const made = outputs.onWire(task, output);
    const digest = await digestOf(made, breathe);
    await this.#attest(task, made, digest, sources);
    // Else what is held in memory now is of a result other than the published one.
    if (records.mirror.done(task)?.digest !== digest) outdate();
    dropping.settled();
  }

  /** Says what the output of a task is; and, if that is not what is published, in what they differ. Whether it is of use. */
  async #attest(task: Task, output: Output, digest: string, sources: Sources | undefined): Promise<boolean> {
    const { id, audits, outputs, records } = this.#parts;
    if (!audits) return true;
    const published = sources && records.mirror.done(task);
    // Before it is said, for what is refuted may be dropped.
    const other =
      published && published.digest !== digest ? await outputs.get(task, published).catch(() => undefined) : undefined;
    const said = await audits.attest(task, sources, digest, output.chain);
    if (published && other) {
      const own = { output: outputs.offWire(task, output), digest };
      audits.tellDifference(task, id, own, { output: other, digest: published.digest }).catch(() => {});
    }
    return said;
  }

  /** Gives up an output that is of no use: made of something that fell, or other than the published one. */
  async #discard(kept: Kept): Promise<void> {
    const { cache, records, outdate } = this.#parts;
    const key = taskKey(kept.task);
    if (cache.get(key) === kept) cache.delete(key);
    outdate();
    await records.release(kept.task);
  }

  #stands(task: Task, { digest }: Pick<DoneRecord, 'digest'>): boolean {
    return this.#parts.audits?.book.stands(taskKey(task), digest) ?? true;
  }

  /** The first result stands, unless results are audited: then what is said of them decides. */
  know(task: Task, record: DoneRecord): void {
    const { audits, records } = this.#parts;
    if (!audits) records.mirror.know(task, record);
  }

  async #conflict(task: Task, published: DoneRecord, digest: string): Promise<never> {
    this.conflicts += 1;
    const { id, name, outputs, records } = this.#parts;
    const text =
      `${name} computed ${taskKey(task)} with digest ${digest.slice(0, 16)}, but ${published.by} had published it ` +
      `with ${published.digest.slice(0, 16)}; the first one stands`;
    await records.tell(keys.conflict(task, id), { v: 1, by: id, name, text });
    await outputs.drop(task, digest);
    throw new PffError('cluster', `two nodes disagree: ${text}`, {
      hint: 'Same spec, same bits: one of the two machines computes wrongly (memory, CPU, overclocking), or its program differs.',
    });
  }
}
