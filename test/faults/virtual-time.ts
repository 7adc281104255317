/** A virtual clock: things happen in the order of their times, and no real time passes. Deterministic for one seed. */
import type { Clock } from '../../src/store/cluster/clock.js';

interface Event {
  readonly at: number;
  readonly order: number;
  readonly work: () => void;
}

export class VirtualTime {
  now = 0;
  #order = 0;
  readonly #heap: Event[] = [];

  /** Does `work` in `delay` ms. */
  after(delay: number, work: () => void): void {
    const event = { at: this.now + Math.max(0, delay), order: this.#order++, work };
    this.#heap.push(event);
    for (let i = this.#heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!earlier(this.#heap[i] as Event, this.#heap[parent] as Event)) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  /** Runs until `ended()`, or until `limit` ms have passed (false), or nothing is left to happen (false). */
  async run(ended: () => boolean, limit: number): Promise<boolean> {
    for (;;) {
      // All promises that are settled run their course before time goes on.
      await new Promise((resolve) => setImmediate(resolve));
      if (ended()) return true;
      const event = this.#pop();
      if (!event || event.at > limit) return false;
      this.now = event.at;
      event.work();
    }
  }

  #pop(): Event | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (!first || !last || first === last) return first;
    this.#heap[0] = last;
    for (let i = 0; ;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < this.#heap.length && earlier(this.#heap[child] as Event, this.#heap[least] as Event)) least = child;
      if (least === i) return first;
      this.#swap(i, least);
      i = least;
    }
  }

  #swap(i: number, j: number): void {
    [this.#heap[i], this.#heap[j]] = [this.#heap[j] as Event, this.#heap[i] as Event];
  }
}

function earlier(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/**
 * One process on the virtual clock: it can be killed (nothing of it ever goes on) and frozen, and its own clock may run
 * fast or slow and show anything.
 */
export class Process implements Clock {
  dead = false;
  frozenUntil = 0;
  readonly #time: VirtualTime;
  readonly #rate: number;
  readonly #offset: number;

  constructor(time: VirtualTime, rate: number, offset: number) {
    this.#time = time;
    this.#rate = rate;
    this.#offset = offset;
  }

  now(): number {
    return this.#offset + this.#time.now * this.#rate;
  }

  /** Does `work` in this process in `delay` ms, later if it is frozen then, never if it is dead. */
  after(delay: number, work: () => void): void {
    this.#time.after(delay, () => {
      if (this.dead) return;
      if (this.frozenUntil > this.#time.now) this.after(this.frozenUntil - this.#time.now, work);
      else work();
    });
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      signal?.addEventListener('abort', () => resolve(), { once: true });
      this.after(ms / this.#rate, resolve);
    });
  }
}
