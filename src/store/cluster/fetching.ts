/**
 * How a process gets outputs that it did not just make: out of its own memory, or from the engine, each at most once at a time. What the
 * run still needs is kept as a copy against a server that forgets.
 */
import { taskKey, type Task } from '../../schedule/tasks.js';
import type { Wanted } from '../../schedule/wanted.js';
import type { Output, Store } from '../store.js';
import { abortable } from './abortable.js';
import type { Outputs } from './outputs.js';
import type { Kept, Source } from './record-keeper.js';
import type { RecordTable } from './record-table.js';
import type { DoneRecord } from './records.js';
import type { Obtained } from './task-sources.js';

/** What of a process's store it takes to fetch. */
export interface FetchingParts {
  readonly records: RecordTable;
  readonly outputs: Outputs;
  /** Outputs in memory, by name. */
  readonly cache: Map<string, Kept>;
  /** Published, or on its way there from this process. */
  readonly isHere: (task: Task) => boolean;
  /** What is still to do, as `ClusterStore.wanted` has it. */
  readonly wanted: (mine: boolean) => Wanted;
  /** Told of a result that was verified. */
  readonly know: (task: Task, record: DoneRecord) => void;
}

export class Fetching {
  readonly #parts: FetchingParts;
  /** By task and digest. */
  readonly #underWay = new Map<string, Promise<Obtained>>();

  constructor(parts: FetchingParts) {
    this.#parts = parts;
  }

  /** Waits until `task` is published. */
  async published(task: Task, signal: AbortSignal): Promise<void> {
    const { records, isHere } = this.#parts;
    await records.until(() => isHere(task), signal);
  }

  /** Waits until `task` is published, then fetches its output. @throws MissingOutput */
  async obtain(task: Task, signal: AbortSignal): Promise<Obtained> {
    const { records, cache } = this.#parts;
    await this.published(task, signal);
    const key = taskKey(task);
    const known = cache.get(key);
    const digest = records.mirror.done(task)?.digest;
    if (known && (digest === undefined || known.digest === undefined || known.digest === digest))
      return { output: known.output, source: known };
    // Of this very result: it may be another by now than one that is on its way already.
    const name = `${key} ${digest}`;
    let fetching = this.#underWay.get(name);
    if (!fetching) {
      fetching = this.#fetch(task).finally(() => this.#underWay.delete(name));
      this.#underWay.set(name, fetching);
    }
    return abortable(fetching, signal);
  }

  /**
   * The store for a task under way, whose needs were all there when it was chosen: it never waits for one that has vanished
   * since (perhaps nobody but the waiting node could make it), but throws MissingOutput; copies in memory serve as well.
   * @param uses told where each output that the task fetches came from
   */
  ready(uses: (name: string, source: Source) => void, publish: (task: Task, output: Output) => Promise<void>): Store {
    const { records, outputs, cache, isHere } = this.#parts;
    const { mirror } = records;
    const isReady = (task: Task): boolean => cache.has(taskKey(task)) || isHere(task);
    const published = async (task: Task, signal: AbortSignal): Promise<void> => {
      await records.until(() => mirror.settled || isReady(task), signal);
      if (!isReady(task)) await outputs.announced(task);
    };
    return {
      isPublished: (task) => Promise.resolve(isReady(task)),
      published,
      fetch: async (task, signal) => {
        const known = cache.get(taskKey(task));
        const own = known && !mirror.done(task) ? known : undefined;
        if (!own) await published(task, signal);
        const { output, source } = own ? { output: own.output, source: own } : await this.obtain(task, signal);
        uses(taskKey(task), source);
        return output;
      },
      publish,
    };
  }

  /** Resolves when nothing is on its way any more. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
  }

  async #fetch(task: Task): Promise<Obtained> {
    const { records, outputs, cache, wanted, know } = this.#parts;
    const { output, record } = await outputs.find(task, () => wanted(false).isKept(task));
    // One that nobody needs any more would stay: it is dropped when the last task that needed it is published.
    const now = records.mirror.done(task)?.digest ?? record.digest;
    if (wanted(true).isKept(task) && now === record.digest) {
      cache.set(taskKey(task), { task, output, digest: record.digest });
      know(task, record);
    }
    return { output, source: record.digest };
  }
}
