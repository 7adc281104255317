/** The events of one run folder for those who look at it: kept in order, numbered, and told as they come. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { RunEvent } from '../run/events.js';
import { EVENTS_FILE } from '../run/folder.js';
import { boundOf } from './bound.js';
import { LogTail } from './log-tail.js';
import { packEvent } from './pack-event.js';
import { KeptEvents } from './kept-events.js';
import type { PageEvent } from './page-event.js';
import { pathless } from './pathless.js';
import { Thinning } from './thinning.js';
import { applyEvent, emptyView, type RunView } from './run-view.js';

export class RunFeed {
  readonly name: string;
  readonly #tail: LogTail;
  readonly #waiting = new Set<() => void>();
  /** Names the present list: a reader of another list has to start again. */
  session = newSession();
  #events = new KeptEvents();
  #view = emptyView();
  #thinning = new Thinning();
  #unreadable = 0;
  #boundChapter = -1;
  #grownMs = Date.now();
  #ended = false;

  /** @param mostBytes of the log that are read at once; the rest is for `poll`. */
  constructor(folder: string, mostBytes?: number) {
    this.name = path.basename(path.resolve(folder));
    this.#tail = new LogTail(path.join(folder, EVENTS_FILE));
    this.poll(mostBytes);
  }

  get view(): RunView {
    return this.#view;
  }

  get count(): number {
    return this.#events.count;
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
    return this.#events.from(0).events;
  }

  /** Events from number `index` on, of at most `most` numbers, and the number after them. */
  from(index: number, most?: number): ReturnType<KeptEvents['from']> {
    return this.#events.from(index, most);
  }

  /** Reads what the log has got since, or about `mostBytes` of it. True: there is more. */
  poll(mostBytes?: number): boolean {
    const packed: PageEvent[] = [];
    // Of a task's progress only the last counts, and only until the task is done.
    const progress = new Map<number, PageEvent>();
    let odd = 0;
    const { startedOver, unreadable, more } = this.#tail.poll(
      (event) => {
        // What its check lets through may still be none that a page can show.
        try {
          if (event.type === 'progress') progress.set(event.node, event);
          else packed.push(...this.#packed(event, progress));
        } catch {
          odd++;
        }
      },
      () => {
        this.session = newSession();
        this.#events = new KeptEvents();
        this.#view = emptyView();
        this.#thinning = new Thinning();
        this.#unreadable = 0;
        this.#boundChapter = -1;
      },
      { passesOver: (bytes, start, end) => this.#thinning.counts(bytes, start, end), mostBytes },
    );
    packed.push(...this.#thinning.take(), ...progress.values());
    this.#unreadable += unreadable + odd;
    if (unreadable + odd > 0) packed.push({ type: 'unreadable', lines: this.#unreadable });
    if (packed.length > 0 || startedOver) this.add(packed);
    return more;
  }

  /** An event of the log as the page's; what was counted by then comes before what begins, resumes or ends a run. */
  #packed(event: RunEvent, progress: Map<number, PageEvent>): PageEvent[] {
    const thinning = this.#thinning;
    if (event.type === 'task-finished') {
      progress.delete(event.node);
      if (thinning.draws(event.task.chapter)) return [packEvent(event, this.name)];
      thinning.count(event);
      return [];
    }
    const page = packEvent(event, this.name);
    const before = thinning.take();
    if (event.type === 'started') {
      progress.clear();
      const text = thinning.begin(event);
      return [...before, page, ...(text === undefined ? [] : [{ type: 'remark', text } as const])];
    }
    if (page.type !== 'resumed') return [...before, page];
    const done = page.done.filter(({ chapter }) => thinning.draws(chapter));
    return [...before, { ...page, done, more: page.done.length - done.length }];
  }

  /** Adds events that are not in the log, too. */
  add(events: readonly PageEvent[]): void {
    this.#grownMs = Date.now();
    for (const given of events) {
      const event = given.type === 'remark' ? { ...given, text: pathless(given.text) } : given;
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
