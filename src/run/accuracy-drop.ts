/**
 * Notices a chapter after which the network is much worse than before, by samples that no node trains on: in a federated run a sign of
 * a shard whose node sent a wrong state or trained on wrong labels. A trigger that only its maker knows does not show in it.
 */
import type { Measured } from './measured.js';

/**
 * What to say of each measurement that lies by more than `most` below the best of earlier chapters, and whose data the chapter trained
 * on; never anything where `most` is not given.
 */
export function fallsBelow(
  most: number | undefined,
  shards: number,
): (measured: Pick<Measured, 'chapter' | 'accuracy'>) => string | undefined {
  let best: Pick<Measured, 'chapter' | 'accuracy'> | undefined;
  return (measured) => {
    const { chapter, accuracy } = measured;
    const before = best;
    if (!best || accuracy > best.accuracy) best = measured;
    if (most === undefined || !before || before.accuracy - accuracy <= most) return undefined;
    const shard = shards > 1 ? `, which trained on shard ${(chapter % shards) + 1}` : '';
    return (
      `ACCURACY FELL: ${inPercent(accuracy)} after chapter ${chapter + 1}${shard}, but ${inPercent(before.accuracy)} after ` +
      `chapter ${before.chapter + 1} (--max-drop ${most})`
    );
  };
}

function inPercent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
