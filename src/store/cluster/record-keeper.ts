/** Looks after the records of what this process published: one that somebody overwrote or removed is written again. */
import { taskKey, type Task } from '../../schedule/tasks.js';
import type { Output } from '../store.js';
import type { Clock } from './clock.js';

/** How long an overwritten record stays before its maker puts it right: somebody may write it again and again. */
const BEFORE_RESTORING_MS = 200;

/** An output in this process's memory. */
export interface Kept {
  readonly task: Task;
  readonly output: Output;
  /** Hex SHA-256; of an output of this process's own, once it is computed. */
  digest?: string;
  /** This process published it: its record is this process's to put right. */
  mine?: true;
  /** Where results are audited, of an output that was made here: what it was made of. */
  readonly sources?: Sources | undefined;
  /** The same, once it is said that this is the task's output: whether it is of use. */
  said?: Promise<boolean>;
}

/** An output of this process, or the digest of a published one. */
export type Source = Kept | string;

/** Where each input of a task came from, by name (task-sources.ts). */
export interface Sources {
  get(name: string): Source | undefined;
}

export interface RecordKeeperOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether the record of this output is not as it was published, and has to be. */
  readonly isDamaged: (kept: Kept) => boolean;
  /** Publishes again; done when the record is there. */
  readonly publish: (kept: Kept) => Promise<void>;
}

export class RecordKeeper {
  readonly #options: RecordKeeperOptions;
  readonly #restoring = new Set<string>();

  constructor(options: RecordKeeperOptions) {
    this.#options = options;
  }

  /** Looks at one record, and puts it right in the background. */
  check(kept: Kept): void {
    const key = taskKey(kept.task);
    if (!kept.mine || this.#restoring.has(key) || !this.#options.isDamaged(kept)) return;
    this.#restoring.add(key);
    this.#restore(kept)
      .catch(() => {})
      .finally(() => this.#restoring.delete(key));
  }

  async #restore(kept: Kept): Promise<void> {
    const { clock, signal, isDamaged, publish } = this.#options;
    do {
      await clock.sleep(BEFORE_RESTORING_MS, signal);
      if (isDamaged(kept)) await publish(kept);
    } while (isDamaged(kept));
  }
}
