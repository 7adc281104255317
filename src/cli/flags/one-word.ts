/** The one run that a command takes. */
import { PffError } from '../../errors.js';

/** @throws PffError `usage` where it is not exactly one. */
export function oneWord(command: string, words: readonly string[]): string {
  const [run] = words;
  if (run !== undefined && words.length === 1) return run;
  throw new PffError('usage', `pff ${command} takes one run, but was given ${words.length}`, {
    hint: `Write pff ${command} RUN, where RUN is the folder that pff train made.`,
  });
}
