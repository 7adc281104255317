/**
 * Options of a command: what each takes, and a strict parser for them. The standard parser underneath (node:util) finds
 * the tokens only; citty was tried first, but takes unknown options and missing values in silence.
 */
import { parseArgs } from 'node:util';
import { PffError } from '../../errors.js';
import { didYouMean, nearest } from '../../suggest.js';

export interface Flag<T> {
  /** What it does, for the help. */
  readonly text: string;
  /** Stands for the value in the help; absent for a switch. */
  readonly value?: string;
  /** What the value may be, where that is known: for completion. */
  readonly choices?: readonly string[] | undefined;
  /** The value may be left out; says whether the word after the option is meant as its value. */
  readonly takes?: (next: string) => boolean;
  /** It may be given several times; the values of all are put together. */
  readonly repeats?: true;
  /** The heading of the help under which it stands. */
  readonly group?: string;
  readonly shownDefault?: string | undefined;
  /** @throws PffError `usage`. `raw` is undefined for a switch and for a value left out. */
  readonly parse: (raw: string | undefined, name: string) => T;
}

export type Flags = Readonly<Record<string, Flag<unknown>>>;
export type ValuesOf<F extends Flags> = { readonly [K in keyof F]?: F[K] extends Flag<infer T> ? T : never };

export interface ParsedLine<F extends Flags> {
  readonly flags: ValuesOf<F>;
  readonly words: readonly string[];
}

/** An option without a value. */
export function flag(text: string): Flag<true> {
  return { text, parse: () => true };
}

export function textFlag(value: string, text: string): Flag<string> {
  return {
    text,
    value,
    parse: (raw, name) => {
      if (!raw) throw badValue(name, raw, 'something');
      return raw;
    },
  };
}

/** One or more words, separated by commas. */
export function textsFlag(value: string, text: string): Flag<readonly string[]> {
  return {
    text,
    value,
    repeats: true,
    parse: (raw, name) => {
      const words = (raw ?? '').split(',');
      if (words.includes('')) throw badValue(name, raw, 'one or more names, separated by commas');
      return words;
    },
  };
}

export function numberFlag(
  value: string,
  text: string,
  { whole = false, above, least }: { whole?: boolean; above?: number; least?: number } = {},
): Flag<number> {
  const kind = whole ? 'a whole number' : 'a number';
  const limit = above !== undefined ? ` above ${above}` : least === undefined ? '' : ` of at least ${least}`;
  return {
    text,
    value,
    parse: (raw, name) => {
      const number = parseNumber(raw);
      const fits =
        (!whole || Number.isSafeInteger(number)) && number > (above ?? -Infinity) && number >= (least ?? -Infinity);
      if (!fits) throw badValue(name, raw, kind + limit);
      return number;
    },
  };
}

export function numbersFlag(value: string, text: string): Flag<readonly number[]> {
  return {
    text,
    value,
    parse: (raw, name) => {
      const numbers = (raw ?? '').split(',').map(parseNumber);
      if (numbers.some((number) => !(number > 0))) throw badValue(name, raw, 'numbers above 0, separated by commas');
      return numbers;
    },
  };
}

/** Several of `choices`, separated by commas. */
export function listFlag<const T extends string>(
  choices: readonly T[],
  value: string,
  text: string,
): Flag<readonly T[]> {
  return {
    text: `${text}: ${choices.join(', ')}`,
    value,
    choices,
    repeats: true,
    parse: (raw, name) =>
      (raw ?? '').split(',').map((word) => {
        const found = choices.find((choice) => choice === word);
        if (found === undefined) throw badValue(name, raw, `one or more of ${choices.join(', ')}`, choices);
        return found;
      }),
  };
}

export function choiceFlag<const T extends string>(choices: readonly T[], text: string, value = 'NAME'): Flag<T> {
  return {
    text: `${text}: ${choices.join(', ')}`,
    value,
    choices,
    parse: (raw, name) => {
      const chosen = choices.find((choice) => choice === raw);
      if (chosen === undefined) throw badValue(name, raw, `one of ${choices.join(', ')}`, choices);
      return chosen;
    },
  };
}

/** A decimal number and nothing else; NaN for what is none. */
export function parseNumber(raw: string | undefined): number {
  return raw !== undefined && /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(raw) ? Number(raw) : Number.NaN;
}

export function badValue(
  name: string,
  raw: string | undefined,
  allowed: string,
  choices: readonly string[] = [],
): PffError {
  const near = nearest(raw ?? '', choices);
  return new PffError(
    'usage',
    `--${name} must be ${allowed}, but is ${JSON.stringify(raw ?? '')}`,
    near === undefined ? {} : { hint: `Did you mean ${near}?` },
  );
}

/** Reads the words after the command's name. @throws PffError `usage`, naming the option. */
export function parseLine<F extends Flags>(command: string, args: readonly string[], flags: F): ParsedLine<F> {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      Object.entries(flags).map(([name, { value, takes }]) => [
        name,
        { type: value !== undefined && takes === undefined ? ('string' as const) : ('boolean' as const) },
      ]),
    ),
  });
  const values: Record<string, unknown> = {};
  const words: string[] = [];
  const taken = new Set<number>();
  for (const [i, token] of tokens.entries()) {
    if (token.kind === 'positional' && !taken.has(i)) words.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName } = token;
    const known = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (known === undefined || !rawName.startsWith('--')) throw unknownOption(command, rawName, Object.keys(flags));
    let raw = token.value;
    const next = tokens[i + 1];
    if (known.takes && raw === undefined && next?.kind === 'positional' && known.takes(next.value)) {
      raw = next.value;
      taken.add(i + 1);
    }
    if (known.value === undefined && raw !== undefined)
      throw new PffError('usage', `--${name} takes no value, but was given ${JSON.stringify(raw)}`);
    // `--layers --epochs 3`: the word after an option is the next option, not a value that was forgotten.
    const forgotten = raw === undefined || (token.inlineValue === false && /^-[^\d.]/.test(raw));
    if (known.value !== undefined && known.takes === undefined && forgotten)
      throw new PffError('usage', `--${name} needs a value: --${name} ${known.value}`, {
        hint: `pff help ${command} says what it takes.`,
      });
    const value = known.parse(raw, name);
    const before = values[name];
    values[name] = known.repeats && Array.isArray(before) ? [...(before as unknown[]), ...(value as unknown[])] : value;
  }
  return { flags: values as ValuesOf<F>, words };
}

function unknownOption(command: string, rawName: string, known: readonly string[]): PffError {
  const more = `pff help ${command} lists all options.`;
  return new PffError('usage', `unknown option ${rawName}`, {
    hint: didYouMean(rawName.replace(/^-+(no-)?/, ''), known, more, '--'),
  });
}

/** @throws PffError `usage` where a command that takes no words was given some. */
export function noWords(command: string, words: readonly string[]): void {
  if (words.length > 0)
    throw new PffError('usage', `pff ${command} takes options only, but was given ${JSON.stringify(words[0])}`, {
      hint: `Options begin with two dashes; pff help ${command} lists them.`,
    });
}
