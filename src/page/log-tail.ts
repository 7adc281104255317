/** Follows the event log of a run folder as it grows: whole lines only, whatever happens to the file. */
import { statSync, type Stats } from 'node:fs';
import type { RunEvent } from '../run/events.js';
import { eachLine, parseEvent, type LinesOptions } from '../run/log-lines.js';

export interface NewLines {
  /** The file was replaced or cut: everything before is void. */
  readonly startedOver: boolean;
  /** Whole lines that are no events. A last line without its end is none yet. */
  readonly unreadable: number;
  /** There is more in the file than was asked for. */
  readonly more: boolean;
}

export class LogTail {
  readonly #file: string;
  /** Bytes of the whole lines read so far. */
  #read = 0;
  #identity: string | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /**
   * Calls `take` with each event that has come since the last call; none while the file is not there. `startOver` is called before
   * them where the file was replaced or cut: everything before is void. @throws Error where it is there but cannot be read
   */
  poll(take: (event: RunEvent) => void, startOver: () => void, options?: LinesOptions): NewLines {
    let found: Stats;
    try {
      found = statSync(this.#file);
    } catch {
      return { startedOver: false, unreadable: 0, more: false };
    }
    const identity = String(found.ino);
    const startedOver = this.#identity !== undefined && (identity !== this.#identity || found.size < this.#read);
    this.#identity = identity;
    if (startedOver) {
      this.#read = 0;
      startOver();
    }
    let unreadable = 0;
    const from = this.#read;
    const read = (line: string): void => {
      const event = parseEvent(line);
      if (event) take(event);
      else unreadable++;
    };
    this.#read = eachLine(this.#file, this.#read, read, options);
    const most = options?.mostBytes ?? Infinity;
    return { startedOver, unreadable, more: this.#read - from >= most };
  }
}
