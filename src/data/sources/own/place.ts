/** Where data of one's own lie, as one text: a file or folder, and perhaps files of their own for testing and validation. */
import { existsSync } from 'node:fs';
import path from 'node:path';

/** Paths of data of one's own. */
export interface Place {
  readonly data: string;
  readonly test?: string | undefined;
  readonly validation?: string | undefined;
}

/** `train.csv?test=test.csv`: what `--data-dir` and a run's notes hold. Paths become absolute. */
export function placeText({ data, test, validation }: Place): string {
  const more = Object.entries({ test, validation }).flatMap(([name, file]) =>
    file === undefined ? [] : [`${name}=${escaped(path.resolve(file))}`],
  );
  return path.resolve(data) + (more.length === 0 ? '' : `?${more.join('&')}`);
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
