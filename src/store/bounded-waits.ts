/** How long a run waits for a store of a user's own that may never answer: as long as it takes, until the run is stopped. */
import { PffError } from '../errors.js';

/** What a store's calls are waited for by. */
export interface StorePatience {
  /** Of the run: calls are answered soon after it is aborted, or not at all. */
  readonly signal?: AbortSignal | undefined;
  /** Told what is waited for, and what no longer is. */
  readonly notice?: ((text: string) => void) | undefined;
}

/** A store that keeps layers far away still has this long to put, or to give, one that is under way. */
const ANSWER_MS = 5000;

/** Both take the call, in words, and what it will answer. */
export interface BoundedWaits {
  /** @throws PffError `interrupted` where there is no answer `ANSWER_MS` after the run was aborted */
  afterAbort<T>(call: string, answer: Promise<T>): Promise<T>;
  /** Goes on `ANSWER_MS` after the run was aborted; else waits for what the store has to keep, and tells of it. */
  atEnd(call: string, answer: Promise<void>): Promise<void>;
}

export function boundedWaits(
  { signal = new AbortController().signal, notice = () => {} }: StorePatience,
  answerMs = ANSWER_MS,
): BoundedWaits {
  // One time for all calls: a store that is dead is waited for once.
  let abortedMs = performance.now();
  signal.addEventListener('abort', () => (abortedMs = performance.now()), { once: true });
  return {
    async afterAbort(call, answer) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let onAbort = (): void => {};
      const late = new Promise<never>((_, reject) => {
        const error = (): PffError =>
          new PffError('interrupted', `interrupted, and ${call} was not answered within ${answerMs / 1000} s`, {
            hint: 'The newest layers were not saved as a model; a run with a folder is resumed from its checkpoint.',
          });
        onAbort = () => {
          timer = setTimeout(() => reject(error()), Math.max(0, abortedMs + answerMs - performance.now()));
        };
      });
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await Promise.race([answer, late]);
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      }
    },
    async atEnd(call, answer) {
      const seconds = `${answerMs / 1000} s`;
      let isOver = (): void => {};
      const late = new Promise<void>((resolve) => (isOver = resolve));
      const goOn = (): void => {
        if (!signal.aborted)
          return notice(`${call} was not answered within ${seconds}; it is waited for, until Ctrl-C`);
        notice(`${call} was not answered within ${seconds}; the run ends without it`);
        isOver();
      };
      let timer = setTimeout(goOn, answerMs);
      const onAbort = (): void => {
        clearTimeout(timer);
        timer = setTimeout(goOn, answerMs);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        await Promise.race([answer, late]);
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}
