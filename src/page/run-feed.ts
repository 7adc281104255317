/** The events of one run folder for those who look at it: kept in order, numbered, and told as they come. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { EVENTS_FILE } from '../run/folder.js';
import { boundOf } from './bound.js';
import { LogTail } from './log-tail.js';
import { packEvent } from './pack-event.js';
import { thinEvents, type PageEvent } from './page-event.js';
import { applyEvent, emptyView, type RunView } from './run-view.js';

export class RunFeed {
  readonly name: string;
  readonly #tail: LogTail;
  readonly #waiting = new Set<() => void>();
  /** Names the present list: a reader of another list has to start again. */
  session = newSession();
  #events: PageEvent[] = [];
  #view = emptyView();
  #unreadable = 0;
  #boundChapter = -1;
  #grownMs = Date.now();
  #ended = false;

  constructor(folder: string) {
    this.name = path.basename(path.resolve(folder));
    this.#tail = new LogTail(path.join(folder, EVENTS_FILE));
    this.poll();
  }

  get view(): RunView {
    return this.#view;
  }

  get count(): number {
    return this.#events.length;
  }

  /** Nothing comes any more: readers may leave once they have all. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Milliseconds since the log last grew. */
  get quietMs(): number {
    return Date.now() - this.#grownMs;
  }

  /** All so far, without what later events replace. */
  snapshot(): PageEvent[] {
    return thinEvents(this.#events);
  }

  from(index: number): PageEvent[] {
    return this.#events.slice(index);
  }

  /** Reads what the log has got since. */
  poll(): void {
    const packed: PageEvent[] = [];
    let odd = 0;
    const { startedOver, unreadable } = this.#tail.poll(
      (event) => {
        // What its check lets through may still be none that a page can show.
        try {
          packed.push(packEvent(event, this.name));
        } catch {
          odd++;
        }
      },
      () => {
        this.session = newSession();
        this.#events = [];
        this.#view = emptyView();
        this.#unreadable = 0;
        this.#boundChapter = -1;
      },
    );
    this.#unreadable += unreadable + odd;
    if (unreadable + odd > 0) packed.push({ type: 'unreadable', lines: this.#unreadable });
    if (packed.length > 0 || startedOver) this.add(packed);
  }

  /** Adds events that are not in the log, too. */
  add(events: readonly PageEvent[]): void {
    this.#grownMs = Date.now();
    for (const event of events) {
      try {
        applyEvent(this.#view, event);
        this.#events.push(event);
      } catch {
        this.#unreadable += 1;
      }
    }
    const limit = this.#newBound(events);
    if (limit) {
      this.#events.push(limit);
      applyEvent(this.#view, limit);
    }
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  end(): void {
    this.#ended = true;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves at the next change, or after `timeoutMs`. */
  changed(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiting.add(done);
    });
  }

  /** The bound, which plays the whole graph, is computed again with every tenth more chapters, and at the end. */
  #newBound(events: readonly PageEvent[]): PageEvent | undefined {
    let chapter = this.#boundChapter;
    for (const event of events) if (event.type === 'task') chapter = Math.max(chapter, event.task.chapter);
    const grown = chapter > this.#boundChapter && chapter + 1 >= 1.1 * (this.#boundChapter + 1);
    if (!grown && !events.some(({ type }) => type === 'trained')) return undefined;
    this.#boundChapter = chapter;
    return boundOf(this.#view);
  }
}

function newSession(): string {
  return randomBytes(8).toString('hex');
}
