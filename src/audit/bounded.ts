/**
 * What is kept of more statements or draws about one task than its record takes: keys cost nothing, so somebody may write very many. Every
 * process chooses the same ones of the same, in whatever order they came.
 */
import { isDrawn } from './rate.js';
import { MOST, type Draw, type Statement } from './statement.js';

/**
 * Draws for statements that were made come first, and of those the ones that say that the result is to be checked: others cannot push
 * them out, so no check is lost.
 * @param made names of statements about the task (`statementId`)
 */
export function boundedDraws(rate: number, draws: readonly Draw[], made: ReadonlySet<string>): Draw[] {
  return bounded(draws, (draw) => (made.has(draw.of) ? 0 : 2) + (isDrawn(rate, draw) ? 0 : 1));
}

export function boundedStatements(statements: readonly Statement[]): Statement[] {
  return bounded(statements, () => 0);
}

function bounded<T extends { readonly sig: string }>(said: readonly T[], rank: (each: T) => number): T[] {
  if (said.length <= MOST) return [...said];
  return said.toSorted((a, b) => rank(a) - rank(b) || (a.sig < b.sig ? -1 : 1)).slice(0, MOST);
}
