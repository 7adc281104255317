/** What a function of the library was given: what it does not know, or cannot take, is refused, not passed over. */
import { PffError } from './errors.js';
import { didYouMean } from './suggest.js';

/** Options that mean the same wherever there are any: each a text, most of them paths. What is written says more of its place. */
const TEXTS: ReadonlySet<string> = new Set(['dataDir', 'cacheDir', 'resume', 'init', 'note']);

/**
 * @param what the function, such as `train`.
 * @param known every option that there is; the compiler sees to it that none is missing.
 * @throws PffError `usage` for any other, and for a path or signal that is none.
 */
export function checkOptions<T extends object>(
  what: string,
  given: T,
  known: { readonly [K in keyof Required<T>]: true },
): void {
  const names = Object.keys(known);
  const all = `Its options are ${names.join(', ')}.`;
  const found: unknown = given;
  if (typeof found !== 'object' || found === null)
    throw new PffError('usage', `${what} takes an object of options, but was given ${described(found)}`, { hint: all });
  if (found instanceof Promise)
    throw new PffError('usage', `${what} takes an object of options, but was given a promise of one`, {
      hint: 'Write await before it.',
    });
  for (const [name, value] of Object.entries(found)) {
    if (value === undefined || value === null) continue;
    if (!Object.hasOwn(known, name))
      throw new PffError('usage', `${what} has no option ${name}`, { hint: didYouMean(name, names, all) });
    if (TEXTS.has(name)) checkText(`${name} of ${what}`, value);
    if (name === 'signal' && !(value instanceof AbortSignal))
      throw new PffError('usage', `signal of ${what} must be an AbortSignal, but is ${described(value)}`, {
        hint: 'Give new AbortController().signal, or AbortSignal.timeout(…).',
      });
  }
}

/** @param what it is, such as `out of train`. @throws PffError `usage` */
export function checkText(what: string, given: unknown): asserts given is string {
  if (typeof given !== 'string')
    throw new PffError('usage', `${what} must be a text, but is ${described(given)}`, {
      hint: given instanceof Promise ? 'Write await before it.' : 'Give it in quotation marks.',
    });
}

/** What a program gave, in words: for errors. */
export function described(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number') return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (Array.isArray(value)) return 'a list';
  if (tag === 'Object') return 'an object';
  return /^[AEIO]/.test(tag) ? `an ${tag}` : `a ${tag}`;
}
