/** Ctrl-C: the first one asks for a clean end, a second one ends the program at once. */
import { PffError } from '../../index.js';
import { INTERRUPTED } from '../exit-codes.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Runs `work` with a signal that aborts at the first Ctrl-C (or SIGTERM), of which `onFirst` is told. */
export async function interruptible<T>(onFirst: () => void, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    onFirst();
    controller.abort(new PffError('interrupted', 'interrupted'));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}
