/**
 * Who does which part of a schedule where nodes are not equally fast, such as a GPU and a CPU. A schedule deals tasks out to places; a placement
 * [places] says which node has each. What is dealt out stays as it is, so any placement gives the same bits.
 */
import type { PffVariant, Placement } from './assign.js';

/** Faster by less than this is as fast: measured speeds differ by as much from one time to the next. */
const AS_FAST = 1.15;

/**
 * @param speeds [nodes]: work of the same kind that each does in a second
 * @param costs [trained layers]: multiply-adds of a row
 * @returns undefined where all nodes are to have the same, as they would without speeds
 */
export function placeBySpeed(
  variant: PffVariant,
  speeds: readonly number[],
  costs: readonly number[],
): Placement | undefined {
  const [slowest, fastest] = [Math.min(...speeds), Math.max(...speeds)];
  if (speeds.length < 2 || !(slowest > 0) || fastest < AS_FAST * slowest) return undefined;
  if (variant === 'single-layer') return blocks(speeds, costs);
  return variant === 'all-layers' ? fastNodes(speeds) : undefined;
}

/**
 * Each chapter waits for the one before, layer by layer, so a pipeline of whole chapters goes at the pace of its slowest node: as many of the
 * fastest nodes as do the most together, and no others.
 */
function fastNodes(speeds: readonly number[]): Placement | undefined {
  const order = speeds.map((_, node) => node).toSorted((a, b) => (speeds[b] ?? 0) - (speeds[a] ?? 0));
  const together = (count: number): number => count * (speeds[order[count - 1] ?? 0] ?? 0);
  let best = 1;
  for (let count = 2; count <= order.length; count++) if (together(count) >= together(best)) best = count;
  return best === speeds.length ? undefined : order.slice(0, best).toSorted((a, b) => a - b);
}

/** Blocks of neighbouring layers, one for each node and some of them empty, of which the slowest to do is the quickest there can be. */
function blocks(speeds: readonly number[], costs: readonly number[]): Placement {
  const layers = costs.length;
  /** Training takes forward pass, gradient and update; before it the data pass through all layers below. */
  const seconds = (node: number, from: number, to: number): number => {
    if (from === to) return 0;
    let work = 0;
    for (let layer = 0; layer < to; layer++) {
      const cost = costs[layer] ?? 0;
      work += (layer >= from ? 3 * cost : 0) + (layer < to - 1 ? cost : 0);
    }
    return work / (speeds[node] ?? 1);
  };
  /** [nodes left][first layer]: the best way to do the layers from there on. */
  interface Way {
    readonly slowest: number;
    readonly placement: Placement;
  }
  const ways = new Map<string, Way>();
  const best = (node: number, from: number): Way => {
    if (node === speeds.length - 1)
      return { slowest: seconds(node, from, layers), placement: Array.from({ length: layers - from }, () => node) };
    const key = `${node} ${from}`;
    const known = ways.get(key);
    if (known) return known;
    let found: Way | undefined;
    for (let to = layers; to >= from; to--) {
      const rest = best(node + 1, to);
      const slowest = Math.max(seconds(node, from, to), rest.slowest);
      if (found && slowest >= found.slowest) continue;
      found = { slowest, placement: [...Array.from({ length: to - from }, () => node), ...rest.placement] };
    }
    ways.set(key, found as Way);
    return found as Way;
  };
  return best(0, 0).placement;
}
