/** Time as the cluster's logic sees it: a monotonic clock and a way to wait. Tests run the same logic on a virtual one. */

export interface Clock {
  /** Milliseconds from an arbitrary start; never goes back. Only differences mean anything. */
  now(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `work` after `ms` milliseconds, unless what it returns was called before. */
  timer(ms: number, work: () => void): () => void;
}

/**
 * Waits for `ms` milliseconds, or until one of the signals aborts or what `subscribe` was given is called. Made for waits that end early
 * hundreds of times a second: an abort for each costs more than what is waited for.
 * @param subscribe returns how to unsubscribe
 */
export function sleepUntil(
  clock: Clock,
  ms: number,
  signals: readonly AbortSignal[],
  subscribe: (wake: () => void) => () => void,
): Promise<void> {
  return new Promise((resolve) => {
    if (signals.some(({ aborted }) => aborted)) return resolve();
    const wake = (): void => {
      cancel();
      unsubscribe();
      for (const signal of signals) signal.removeEventListener('abort', wake);
      resolve();
    };
    const cancel = clock.timer(ms, wake);
    const unsubscribe = subscribe(wake);
    for (const signal of signals) signal.addEventListener('abort', wake, { once: true });
  });
}

/** This process's own monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  timer(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    }),
};
