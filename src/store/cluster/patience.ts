/** Tries again what the engine could not do for now, for as long as it takes: a cluster waits for its server. */
import { EngineError } from './engine.js';
import type { Clock } from './clock.js';

export interface Patience {
  readonly clock: Clock;
  /** Ends all trying. */
  readonly signal: AbortSignal;
  /** Told at each failure that will be tried again. */
  readonly onTrouble?: ((error: EngineError) => void) | undefined;
  /** Makes the run's streams again when they are gone. */
  readonly reopen: () => Promise<void>;
  /** What is being tried again now, each with the moment at which it first failed. */
  readonly trials?: Set<{ readonly sinceMs: number }> | undefined;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;

/**
 * Calls `work` until it goes through. `work` must bear being done twice.
 * @throws the signal's reason; EngineError `denied` (of the work itself) or `removed`; anything that is no EngineError.
 */
export async function patiently<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  let trial: { readonly sinceMs: number } | undefined;
  const failed = (): void => {
    if (trial) return;
    trial = { sinceMs: patience.clock.now() };
    patience.trials?.add(trial);
  };
  try {
    return await tryOften(patience, work, failed);
  } finally {
    if (trial) patience.trials?.delete(trial);
  }
}

async function tryOften<T>(patience: Patience, work: () => Promise<T>, failed: () => void): Promise<T> {
  const { clock, signal, onTrouble, reopen } = patience;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind === 'denied' || error.kind === 'removed') throw error;
      failed();
      onTrouble?.(error);
      if (error.kind === 'gone')
        try {
          await reopen();
          continue;
        } catch (again) {
          if (!(again instanceof EngineError) || again.kind === 'removed') throw again;
          // Another process may be allowed to make them again.
          if (again.kind === 'denied') onTrouble?.(again);
        }
    }
    await clock.sleep(pause, signal);
  }
}
