/**
 * What is kept of more statements or draws about one task than its record takes: keys cost nothing, so somebody may write very many. Every
 * process chooses the same ones of the same, in whatever order they came.
 */
import { isDrawn } from './rate.js';
import { MOST, type Draw, type Statement } from './statement.js';

/** Of statements: with 64 draws of some 350 bytes they stay below what a record may have. */
const MOST_BYTES = 200_000;

/**
 * Draws for statements that were made come first, and of those the ones that say that the result is to be checked. Where only auditors may
 * draw, no check is lost; else somebody with very many keys may push out the others, as he may outvote them.
 * @param made names of statements about the task (`statementId`)
 */
export function boundedDraws(rate: number, draws: readonly Draw[], made: ReadonlySet<string>): Draw[] {
  return bounded(draws, (draw) => (made.has(draw.of) ? 0 : 2) + (isDrawn(rate, draw) ? 0 : 1));
}

/**
 * Those of auditors come first, where there are any, and those of keys that count for nothing last: strangers push out no word that decides.
 * @param standing of a statement's key: 0 for an auditor's, 2 for one that is refused
 */
export function boundedStatements(statements: readonly Statement[], standing: (key: string) => 0 | 1 | 2): Statement[] {
  let bytes = 0;
  return bounded(statements, ({ key }) => standing(key)).filter((statement, i) => {
    bytes += JSON.stringify(statement).length;
    return i === 0 || bytes <= MOST_BYTES;
  });
}

function bounded<T extends { readonly sig: string }>(said: readonly T[], rank: (each: T) => number): T[] {
  return said.toSorted((a, b) => rank(a) - rank(b) || (a.sig < b.sig ? -1 : 1)).slice(0, MOST);
}
