/** A virtual clock: things happen in the order of their times, and no real time passes. Deterministic for one seed. */
import { VirtualClock } from '../../src/simulate/virtual-clock.js';
import type { Clock } from '../../src/store/cluster/clock.js';

export class VirtualTime {
  readonly #clock = new VirtualClock();

  get now(): number {
    return this.#clock.now;
  }

  /** Does `work` in `delay` ms. */
  after(delay: number, work: () => void): void {
    this.#clock.at(this.now + Math.max(0, delay), work);
  }

  /** Runs until `ended()`, or until `limit` ms have passed (false), or nothing is left to happen (false). */
  async run(ended: () => boolean, limit: number): Promise<boolean> {
    for (;;) {
      // All promises that are settled run their course before time goes on.
      await new Promise((resolve) => setImmediate(resolve));
      if (ended()) return true;
      const { next } = this.#clock;
      if (next === undefined || next > limit) return false;
      this.#clock.step();
    }
  }
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

  timer(ms: number, work: () => void): () => void {
    let cancelled = false;
    this.after(ms / this.#rate, () => {
      if (!cancelled) work();
    });
    return () => {
      cancelled = true;
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      signal?.addEventListener('abort', () => resolve(), { once: true });
      this.after(ms / this.#rate, resolve);
    });
  }
}
