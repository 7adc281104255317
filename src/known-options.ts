/** Options that a function of the library was given: one that it does not know is refused, not passed over. */
import { PffError } from './errors.js';
import { didYouMean } from './suggest.js';

/**
 * @param what the function, such as `train`.
 * @param known every option that there is; the compiler sees to it that none is missing.
 * @throws PffError `usage` for any other.
 */
export function checkOptions<T extends object>(
  what: string,
  given: T,
  known: { readonly [K in keyof Required<T>]: true },
): void {
  const names = Object.keys(known);
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && !Object.hasOwn(known, name))
      throw new PffError('usage', `${what} has no option ${name}`, {
        hint: didYouMean(name, names, `Its options are ${names.join(', ')}.`),
      });
}
