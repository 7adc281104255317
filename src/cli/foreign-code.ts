/** Code of users' that runs in this process (plugins): its mistakes are no defects of the program. */
import { messageOf, PffError } from '../errors.js';

const files = new Map<string, string>();

/** @param url as stacks have it. @param file as the user named it. */
export function noteForeignCode(url: string, file: string): void {
  files.set(url, file);
}

/** Whether there is any in this process. */
export function hasForeignCode(): boolean {
  return files.size > 0;
}

/** What to say of an error that was thrown in such code, or below it; undefined for any other. */
export function foreignFault(error: unknown): PffError | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const [, file] = [...files].find(([url]) => stack.includes(`${url}:`)) ?? [];
  if (file === undefined) return undefined;
  return new PffError('training', `plugin ${file} failed: ${messageOf(error)}`, {
    hint: 'Mend it there; PFF_DEBUG=1 shows where it failed.',
    cause: error,
  });
}
