/** One epoch of the whole network by each contender that trains, in turn; peers on a share of its batches, scaled. */
import { pairedRatio, summarise, type Summary } from '../statistics.js';
import type { Contender } from './contender.js';

export interface EpochCompared {
  readonly name: string;
  /** Of a whole epoch. */
  readonly seconds: Summary;
  readonly ratio: Summary;
  /** Batches of each layer that were trained; the seconds are scaled from them to the whole epoch. */
  readonly batches: number;
  readonly of: number;
}

/**
 * @param contenders the first one is ours: others are compared with it.
 * @param shareSeconds what a peer's share of an epoch may take, roughly: it is as many batches as fit into that.
 * @param progress is told what is measured.
 */
export async function measureEpochs(
  contenders: readonly Contender[],
  whole: number,
  rounds: number,
  shareSeconds: number,
  progress: (text: string) => void,
): Promise<EpochCompared[]> {
  const all = contenders.filter((one) => one.trains);
  const few = Math.min(4, whole);
  const shares: number[] = [];
  for (const one of all) {
    const share = one.whole ? whole : Math.floor((shareSeconds / (await one.epoch(few)).seconds) * few);
    shares.push(Math.max(few, Math.min(whole, share)));
  }
  const seconds = all.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, one] of all.entries()) {
      const batches = shares[i] as number;
      progress(`epoch ${round + 1} of ${rounds}: ${one.name}, ${batches} of ${whole} batches`);
      seconds[i]?.push((await one.epoch(batches)).seconds * (whole / batches));
    }
  }
  return all.map(({ name }, i) => ({
    name,
    seconds: summarise(seconds[i] as number[]),
    ratio: pairedRatio(seconds[i] as number[], seconds[0] as number[]),
    batches: shares[i] as number,
    of: whole,
  }));
}
