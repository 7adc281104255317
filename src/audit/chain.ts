/**
 * A task's chain: digests of the layer's parameters after some of its batches, or after each. Training is a chain of exact steps, so two
 * chains of one task on the same inputs are the same up to the first step that one of them did wrongly. A statement carries a few
 * digests; whoever does the task again has them for every batch.
 */

/** The digests that a statement may carry: more would make records of evidence too long. */
export const MOST_CUTS = 16;

export interface Chain {
  /** Batches of the task. */
  readonly batches: number;
  /** Hex SHA-256 of the parameters' bytes after the batches of `cutsOf(batches, digests.length)`. */
  readonly digests: readonly string[];
}

/** After which batches (1 to `batches`) parameters are digested, if it is done `cuts` times: as evenly as can be, the last one included. */
export function cutsOf(batches: number, cuts: number): number[] {
  const count = Math.min(cuts, batches);
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 1) * batches) / count));
}

/** Batches (from 1) among which two chains part. */
export interface Parting {
  readonly first: number;
  readonly last: number;
}

/** Undefined where the chains have nothing that differs, or no batch in common at which both were digested. */
export function partingOf(a: Chain, b: Chain): Parting | undefined {
  if (a.batches !== b.batches) return undefined;
  const other = new Map(cutsOf(b.batches, b.digests.length).map((batch, i) => [batch, b.digests[i]]));
  let agreed = 0;
  for (const [i, batch] of cutsOf(a.batches, a.digests.length).entries()) {
    const digest = other.get(batch);
    if (digest === undefined) continue;
    if (digest !== a.digests[i]) return { first: agreed + 1, last: batch };
    agreed = batch;
  }
  return undefined;
}
