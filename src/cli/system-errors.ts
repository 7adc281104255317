/** Errors of the system, or of plugins, that can come from anywhere, even from loading our own modules, and that are no defect of the program. */
import { codeOf, messageOf, PffError } from '../errors.js';
import { foreignFault } from './foreign-code.js';

/** A PffError for what only the user can mend; any other error as it is. */
export function explained(error: unknown): unknown {
  if (error instanceof PffError) return error;
  const code = codeOf(error);
  if (code === 'EMFILE' || code === 'ENFILE')
    return new PffError('files', `too many open files: ${messageOf(error)}`, {
      hint:
        code === 'EMFILE'
          ? 'Raise the limit of this shell, for example: ulimit -n 1024'
          : 'The whole system has no more; end other programs.',
      cause: error,
    });
  return foreignFault(error) ?? error;
}
