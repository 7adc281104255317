/** Calls of compiled kernels with their errors as users see them. */
import { codeOf, messageOf, PffError } from '../../errors.js';

/** Runs such a call; no memory becomes a PffError that says for what. */
export function translated<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'PFF_MEMORY') {
      const bytes = Number(messageOf(error));
      const size = bytes > 0 ? ` (${(bytes / 2 ** 20).toFixed(0)} MiB at once)` : '';
      throw new PffError('memory', `not enough memory for ${what}${size}`, {
        hint: 'use smaller layers or a smaller batch',
        cause: error,
      });
    }
    if (code === 'PFF_NATIVE')
      throw new PffError('kernels', `the kernels failed at ${what}: ${messageOf(error)}`, { cause: error });
    throw error;
  }
}
