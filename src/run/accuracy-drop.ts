/**
 * Notices a chapter after which the network, or one of its layers by itself, is much worse than before, by samples that no node trains
 * on: in a federated run a sign of a shard whose node sent a wrong state or trained on wrong labels. A layer above may make up for a wrong
 * one below, so that only the layer's own accuracy shows it. A trigger that only its maker knows shows in neither.
 */
import type { Measured } from './measured.js';

type Accuracies = Pick<Measured, 'chapter' | 'accuracy' | 'layerAccuracy'>;

/**
 * What to say of each measurement of which the network or a layer lies by more than `most` below its own best of earlier chapters, and
 * whose data the chapter trained on; never anything where `most` is not given.
 */
export function fallsBelow(most: number | undefined, shards: number): (measured: Accuracies) => string | undefined {
  const best = new Map<string, { readonly chapter: number; readonly accuracy: number }>();
  return ({ chapter, accuracy, layerAccuracy }) => {
    const falls: string[] = [];
    const look = (what: string, now: number): void => {
      const before = best.get(what);
      if (!before || now > before.accuracy) best.set(what, { chapter, accuracy: now });
      if (most !== undefined && before && before.accuracy - now > most)
        falls.push(`${what} ${inPercent(now)}, but ${inPercent(before.accuracy)} after chapter ${before.chapter + 1}`);
    };
    look('the network', accuracy);
    for (const [layer, of] of layerAccuracy.entries()) look(`layer ${layer + 1} alone`, of);
    if (falls.length === 0) return undefined;
    const shard = shards > 1 ? `, which trained on shard ${(chapter % shards) + 1}` : '';
    return `ACCURACY FELL after chapter ${chapter + 1}${shard}: ${falls.join('; ')} (--max-drop ${most})`;
  };
}

function inPercent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
