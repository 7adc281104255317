/** The clock of a run, and giving way to other work now and then, so that signals and messages get through. */
import { yieldToEvents } from '#platform/event-loop';

/** Milliseconds of Unix time, with the resolution of performance.now(); the same clock in every thread. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Lets the event loop turn at most every `everyMs`, and throws the signal's reason once that aborts. */
export class Breather {
  readonly #signal: AbortSignal;
  readonly #everyMs: number;
  #last = performance.now();

  constructor(signal: AbortSignal, everyMs = 20) {
    this.#signal = signal;
    this.#everyMs = everyMs;
  }

  async breathe(): Promise<void> {
    if (performance.now() - this.#last >= this.#everyMs) {
      await yieldToEvents();
      this.#last = performance.now();
    }
    this.#signal.throwIfAborted();
  }
}
