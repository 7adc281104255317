/**
 * The events of a run as the page gets them, numbered in their order, without what later ones replace: progress of tasks that are done,
 * evaluations under way, bounds, reports of audits, and the images of all analyses but the last. The page shows the same for both. What
 * is replaced leaves a gap, so that a long run takes little memory and numbers stay as they are.
 */
import type { PageEvent } from './page-event.js';

export class KeptEvents {
  readonly #events: (PageEvent | undefined)[] = [];
  /** Where the newest event of each kind stands of which only the newest counts. */
  readonly #newest = new Map<string, number>();

  /** The number of the next event. */
  get count(): number {
    return this.#events.length;
  }

  push(event: PageEvent): void {
    if (event.type === 'task') this.#drop(`progress ${event.node}`);
    const key = replaceable(event);
    if (key !== undefined) {
      const before = this.#newest.get(key);
      if (before !== undefined) this.#events[before] = withoutImages(this.#events[before]);
      this.#newest.set(key, this.#events.length);
    }
    this.#events.push(event);
  }

  /** Events from number `index` on, of at most `most` numbers, and the number after them. */
  from(index: number, most = Infinity): { readonly events: PageEvent[]; readonly next: number } {
    const next = Math.min(this.#events.length, index + most);
    return { events: this.#events.slice(index, next).filter((event) => event !== undefined), next };
  }

  #drop(key: string): void {
    const place = this.#newest.get(key);
    if (place === undefined) return;
    this.#events[place] = undefined;
    this.#newest.delete(key);
  }
}

function replaceable(event: PageEvent): string | undefined {
  const { type } = event;
  if (type === 'progress') return `progress ${event.node}`;
  const isReplaced =
    type === 'evaluating' || type === 'bound' || type === 'audits' || type === 'unreadable' || type === 'analysis';
  return isReplaced ? type : undefined;
}

/** What is left of an event that a later one replaces. */
function withoutImages(event: PageEvent | undefined): PageEvent | undefined {
  if (event?.type !== 'analysis') return undefined;
  const { samples, accuracy, layers } = event.analysis;
  return { ...event, analysis: { samples, accuracy, layers } };
}
