/** Ctrl-C, SIGTERM and a closed terminal ask for a clean end; a second Ctrl-C (or SIGTERM) ends the program at once. */
import { PffError } from '../../errors.js';
import { INTERRUPTED } from '../exit-codes.js';
import { outlivesTerminal } from './hangup.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** npx passes a Ctrl-C on that the terminal has sent already: what follows so soon is the same wish. */
const ONE_WISH_MS = 500;

/** For the whole program: a hangup does not concern a process that was made to outlive its terminal. */
export function heedHangup(): void {
  if (outlivesTerminal()) process.on('SIGHUP', () => {});
}

/** Runs `work` with a signal that aborts at the first Ctrl-C, SIGTERM or hangup, of which `onFirst` is told. */
export async function interruptible<T>(onFirst: () => void, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let firstMs = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    // A terminal that closes sends a hangup, and its shell another one: that is nobody who lost patience.
    if (controller.signal.aborted) {
      if (name !== 'SIGHUP' && performance.now() - firstMs > ONE_WISH_MS) process.exit(INTERRUPTED);
      return;
    }
    firstMs = performance.now();
    onFirst();
    controller.abort(new PffError('interrupted', 'interrupted'));
  };
  const names = SIGNALS.filter((name) => name !== 'SIGHUP' || !outlivesTerminal());
  for (const name of names) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of names) process.off(name, onSignal);
  }
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
