/** What can be completed where, drawn from the definitions of the commands: the scripts of all shells are made from this. */
import type { Command } from '../command.js';
import type { Flag } from '../flags/flags.js';

/** What may follow: names, a file, a folder, or something that only the user knows. */
export type Values =
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'file' | 'folder' | 'any' };

export interface OptionCompletion {
  /** With its dashes. */
  readonly name: string;
  readonly text: string;
  /** Undefined for a switch. */
  readonly values: Values | undefined;
  /** The value may be left out. */
  readonly optional: boolean;
}

export interface CommandCompletion {
  readonly name: string;
  readonly text: string;
  readonly options: readonly OptionCompletion[];
  /** For each word after the command; the last one's are for all that follow. */
  readonly words: readonly Values[];
}

const HELP: OptionCompletion = { name: '--help', text: 'explain the command', values: undefined, optional: false };

/** @param commands all there are, each with its summary. */
export function completions(
  commands: readonly { readonly command: Command; readonly summary: string }[],
): CommandCompletion[] {
  const names = commands.map(({ command }) => command.name);
  const known = commands.map(({ command: { name, flags, words = [] }, summary }) => ({
    name,
    text: summary,
    options: [...Object.entries(flags).map(([flag, definition]) => optionOf(flag, definition)), HELP],
    words: words.map(valuesOfWord),
  }));
  const help = { name: 'help', text: 'explains a command', options: [], words: [{ kind: 'names', names } as const] };
  return [...known, help];
}

function optionOf(name: string, { text, value, choices, takes }: Flag<unknown>): OptionCompletion {
  return {
    name: `--${name}`,
    text: brief(text),
    values: value === undefined ? undefined : valuesOf(value, choices),
    optional: takes !== undefined,
  };
}

function valuesOf(value: string, choices: readonly string[] | undefined): Values {
  if (choices !== undefined) return { kind: 'names', names: choices };
  if (value.includes('FILE') || value === 'PATH') return { kind: 'file' };
  return { kind: /^(DIR|RUN)/.test(value) ? 'folder' : 'any' };
}

function valuesOfWord(word: 'file' | 'folder' | readonly string[]): Values {
  return typeof word === 'string' ? { kind: word } : { kind: 'names', names: word };
}

/** The beginning of a text, up to where it goes into detail. */
function brief(text: string): string {
  const [first = ''] = text.split(/[;:(]/);
  const trimmed = first.trim();
  return trimmed.length <= 70 ? trimmed : `${trimmed.slice(0, 67).trimEnd()}…`;
}
