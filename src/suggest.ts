/** The nearest of some known names: for typing errors. */
import { distance } from 'fastest-levenshtein';

/** The known name that `given` was probably meant to be, if any is near. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const asked = given.toLowerCase();
  const [best] = known
    .map((name) => ({ name, cost: costOf(asked, name.toLowerCase()) }))
    .filter(({ name, cost }) => cost <= Math.max(2, Math.ceil(name.length / 3)))
    .toSorted((a, b) => a.cost - b.cost);
  return best?.name;
}

/** A name cut short (`--thread` for `--threads-per-node`) is nearer than its missing letters say. */
function costOf(asked: string, name: string): number {
  const cut = asked.length >= 3 && (name.startsWith(asked) || asked.startsWith(name));
  return cut ? 1 + Math.abs(name.length - asked.length) / 100 : distance(asked, name);
}

/** `Did you mean …?` followed by what else there is to say; the latter alone where nothing is near. */
export function didYouMean(given: string, known: readonly string[], more: string, dashes = ''): string {
  const name = nearest(given, known);
  return name === undefined ? more : `Did you mean ${dashes}${name}? ${more}`;
}
