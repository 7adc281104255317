/** The table of ways to choose negative labels: ours by name (negatives.ts carries them out), and samplers of a user's own. */
import type { Labels } from './label-array.js';
import { PffError } from '../errors.js';
import { NamedParts } from '../named-parts.js';
import type { RandomStream } from '../random.js';

/** What a sampler of negative labels is given. */
export interface NegativesRequest {
  /** The true labels [n], each below `classes`. */
  readonly labels: Labels;
  readonly classes: number;
  readonly chapter: number;
  /** Random numbers of this chapter; the only ones it may use. */
  readonly stream: RandomStream;
  /** [n], to be filled with a wrong label for each sample. */
  readonly out: Labels;
}

/** Draws the negative labels of a chapter. */
export type OwnNegatives = (request: NegativesRequest) => void;

/**
 * `none` is of objectives without negatives; `fixed` and `random` are drawn; `adaptive` and `sampled` are predicted by the
 * layers of an earlier chapter.
 */
export type NegativesKind = 'none' | 'drawn' | 'predicted';

export const negatives = new NamedParts<NegativesKind | OwnNegatives>('negatives', {
  none: 'none',
  fixed: 'drawn',
  random: 'drawn',
  adaptive: 'predicted',
  sampled: 'predicted',
});

/** Undefined for the names of pff itself. */
export function ownNegatives(name: string): OwnNegatives | undefined {
  const found = negatives.get(name);
  return typeof found === 'function' ? found : undefined;
}

/** @throws PffError `training` if an own sampler drew a true label, or one that there is not. */
export function checkWrong(name: string, truth: Labels, drawn: Labels, classes: number): void {
  const bad = drawn.findIndex((label, i) => label === truth[i] || label >= classes);
  if (bad >= 0)
    throw new PffError(
      'training',
      `negatives ${name} gave sample ${bad} of label ${truth[bad]} the label ${drawn[bad]}`,
      {
        hint: `Each sample needs a wrong label below ${classes}.`,
      },
    );
}
