/**
 * How many chunks of a process may be on their way at once. Everything that it says goes through one connection in order: what is
 * sent faster than a link carries waits in a queue, and so do the signs of life behind it. So the width follows from how long chunks
 * take: wide enough to keep a fast link busy, down to one chunk on a slow one.
 */
import { abortable } from './abortable.js';
import type { Clock } from './clock.js';

/** And the first width: a fast link is used from the beginning. */
const WIDEST = 8;
/** A chunk that took longer waited behind others. */
const SLOW_MS = 2000;
/** There is room for more. */
const FAST_MS = 1000;

export class ChunkWindow {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #waiting = new Set<() => void>();
  #width = WIDEST;
  #under = 0;
  /** How often it was narrowed: chunks that began before tell of a width that is no more. */
  #narrowings = 0;

  /** @param signal ends all waiting, for places and for chunks */
  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /** How many may be on their way now. */
  get width(): number {
    return Math.floor(this.#width);
  }

  /** Moves a chunk by `work` once there is a place for it. @throws what `work` throws; the signal's reason once that aborts */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    while (this.#under >= this.width) await abortable(this.#place(), this.#signal);
    this.#under += 1;
    const from = this.#clock.now();
    const narrowings = this.#narrowings;
    let tookMs = Infinity;
    try {
      const done = await abortable(work(), this.#signal);
      tookMs = this.#clock.now() - from;
      return done;
    } finally {
      this.#under -= 1;
      this.#learn(tookMs, narrowings);
      for (const wake of this.#waiting) wake();
    }
  }

  #place(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
    });
  }

  /** @param tookMs infinite for a chunk that failed. @param narrowings those there had been when it began */
  #learn(tookMs: number, narrowings: number): void {
    if (tookMs > SLOW_MS) {
      if (narrowings !== this.#narrowings) return;
      this.#width = Math.max(1, this.#width / 2);
      this.#narrowings += 1;
    } else if (tookMs < FAST_MS) {
      // By one for each width of chunks.
      this.#width = Math.min(WIDEST, this.#width + 1 / this.#width);
    }
  }
}
