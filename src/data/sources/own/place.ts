/** Where data of one's own lie, as one text: a file or folder, and perhaps files of their own for testing and validation. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { PffError } from '../../../errors.js';
import { checkText, described } from '../../../known-options.js';

/** Paths of data of one's own. */
export interface Place {
  readonly data: string;
  readonly test?: string | undefined;
  readonly validation?: string | undefined;
}

/** `train.csv?test=test.csv`: what `--data-dir` and a run's notes hold. Paths become absolute. */
export function placeText(place: Place): string {
  checkPlace(place);
  const { data, test, validation } = place;
  const more = Object.entries({ test, validation }).flatMap(([name, file]) =>
    file === undefined ? [] : [`${name}=${escaped(path.resolve(file))}`],
  );
  return path.resolve(data) + (more.length === 0 ? '' : `?${more.join('&')}`);
}

/** @throws PffError `usage` for what a program without types may give. */
function checkPlace(given: unknown): asserts given is Place {
  if (typeof given !== 'object' || given === null)
    throw new PffError(
      'usage',
      `data must be a path, or paths { data, test, validation }, but is ${described(given)}`,
      {
        hint: 'A dataset in memory is the second argument of train.',
      },
    );
  const { data, test, validation } = given as Partial<Record<keyof Place, unknown>>;
  for (const [name, file] of Object.entries({ data, test, validation }))
    if (file !== undefined || name === 'data') checkText(`the path ${name} of data`, file);
}

export function parsePlace(text: string): Place {
  const at = text.lastIndexOf('?');
  // A file may have that sign in its name.
  if (at < 0 || existsSync(text)) return { data: text };
  const parts = new Map<string, string>(
    text
      .slice(at + 1)
      .split('&')
      .map((part) => [part.slice(0, part.indexOf('=')), unescaped(part.slice(part.indexOf('=') + 1))]),
  );
  return { data: text.slice(0, at), test: parts.get('test'), validation: parts.get('validation') };
}

/** Only what parts the text is written in another way, so that people can read it. */
function escaped(file: string): string {
  return file.replaceAll(/[%&?]/g, encodeURIComponent);
}

/** A person may have written a path as it is. */
function unescaped(text: string): string {
  if (existsSync(text)) return text;
  return text.replaceAll(/%(25|26|3F)/gi, decodeURIComponent);
}
