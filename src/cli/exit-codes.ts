/** What the program's exit codes mean, and which one an error gets. */
import { PffError } from '../errors.js';

export const DONE = 0;
export const FAILED = 1;
export const WRONG_USAGE = 2;
/** As shells have it: 128 + SIGINT. */
export const INTERRUPTED = 130;

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof PffError)) return FAILED;
  if (error.code === 'usage') return WRONG_USAGE;
  return error.code === 'interrupted' ? INTERRUPTED : FAILED;
}
