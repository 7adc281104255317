/**
 * Saves a run behind its back: whoever trains says what has to be kept now, and the journal writes it while training goes
 * on. It never makes anyone wait and never holds more than one saving under way and the next one: on a slow disk savings
 * are further apart, but each is complete.
 */
import { messageOf } from '../../errors.js';
import { Retention } from '../../schedule/retention.js';
import type { GraphShape } from '../../schedule/shape.js';
import { taskKey, type Task } from '../../schedule/tasks.js';
import type { OutputFolder } from './directory.js';
import type { Output, Store } from '../store.js';

/** An output and the task that made it. */
export interface Entry {
  readonly task: Task;
  readonly output: Output;
}

export class Journal {
  readonly #folder: OutputFolder;
  readonly #failed: (reason: string) => void;
  /** Names of the outputs whose files are there. */
  readonly #written: Set<string>;
  /** Complete savings whose files are all there, oldest first: names of their outputs. */
  #savings: ReadonlySet<string>[];
  #next: readonly Entry[] | undefined;
  #running: Promise<void> | undefined;

  /**
   * @param found names of the whole outputs that the folder has already.
   * @param failed told why something could not be saved. The next saving tries again.
   */
  constructor(folder: OutputFolder, found: Iterable<string>, failed: (reason: string) => void) {
    this.#folder = folder;
    this.#failed = failed;
    this.#written = new Set(found);
    this.#savings = this.#written.size > 0 ? [new Set(this.#written)] : [];
  }

  /** Saves `entries`, all that is needed to go on from now, as soon as the disk is free. A later call replaces one that waits. */
  save(entries: readonly Entry[]): void {
    this.#next = entries;
    this.#running ??= this.#saveAll().finally(() => {
      this.#running = undefined;
    });
  }

  /** Waits until the newest saving is on disk, or has failed. */
  async flush(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** As `flush`; then leaves only the newest saving's files: for the end of a run. */
  async finish(): Promise<void> {
    await this.flush();
    this.#savings = this.#savings.slice(-1);
    await this.#prune().catch((error: unknown) => this.#failed(messageOf(error)));
  }

  async #saveAll(): Promise<void> {
    while (this.#next) {
      const entries = this.#next;
      this.#next = undefined;
      try {
        for (const { task, output } of entries) {
          const key = taskKey(task);
          if (this.#written.has(key)) continue;
          await this.#folder.write(task, output);
          this.#written.add(key);
        }
        await this.#folder.sync();
        this.#savings.push(new Set(entries.map(({ task }) => taskKey(task))));
        await this.#prune();
      } catch (error) {
        await this.#discard().catch(() => {});
        this.#failed(messageOf(error));
      }
    }
  }

  /** Removes what a saving has written that then failed: nobody would ever. */
  async #discard(): Promise<void> {
    const wanted = new Set([
      ...this.#savings.flatMap((saving) => [...saving]),
      ...(this.#next ?? []).map(({ task }) => taskKey(task)),
    ]);
    for (const key of this.#written)
      if (!wanted.has(key)) {
        this.#written.delete(key);
        await this.#folder.remove(key);
      }
  }

  /**
   * Removes files that are no longer needed. Of the savings the newest stays, and the newest before it that shares no file
   * with it: whatever file turns out damaged, one of the two is whole.
   */
  async #prune(): Promise<void> {
    const newest = this.#savings.at(-1);
    if (!newest) return;
    const other = this.#savings.findLastIndex((saving) => ![...saving].some((key) => newest.has(key)));
    if (other > 0) this.#savings = this.#savings.slice(other);
    const wanted = new Set(this.#savings.flatMap((saving) => [...saving]));
    for (const key of this.#folder.keys())
      if (!wanted.has(key)) {
        this.#written.delete(key);
        await this.#folder.remove(key);
      }
  }
}

/**
 * A store whose outputs are also saved by `journal`. What it keeps for saving is what a run without an end would need, so
 * that a finished run can be prolonged.
 */
export class JournaledStore implements Store {
  readonly #inner: Store;
  readonly #journal: Journal;
  readonly #retention: Retention;
  readonly #kept = new Map<string, Entry>();

  /** @param published tasks that the run has behind it, with `outputs` that were found saved, by name. */
  constructor(
    inner: Store,
    shape: GraphShape,
    journal: Journal,
    published: Iterable<Task>,
    outputs: ReadonlyMap<string, Output>,
  ) {
    this.#inner = inner;
    this.#journal = journal;
    this.#retention = new Retention({ ...shape, splits: Number.POSITIVE_INFINITY });
    for (const task of published) this.#note(task, outputs.get(taskKey(task)));
  }

  async publish(task: Task, output: Output): Promise<void> {
    await this.#inner.publish(task, output);
    if (this.#retention.isPublished(task)) return;
    this.#note(task, output);
    this.#journal.save([...this.#kept.values()]);
  }

  fetch(task: Task, signal: AbortSignal): Promise<Output> {
    return this.#inner.fetch(task, signal);
  }

  isPublished(task: Task): Promise<boolean> {
    return this.#inner.isPublished(task);
  }

  published(task: Task, signal: AbortSignal): Promise<void> {
    return this.#inner.published(task, signal);
  }

  #note(task: Task, output: Output | undefined): void {
    if (output) this.#kept.set(taskKey(task), { task, output });
    for (const dropped of this.#retention.publish(task)) this.#kept.delete(taskKey(dropped));
  }
}
