/** What more nodes would bring: a row for each number of nodes, what limits it, and from where on more do not help. */
import { type SimulationInput, simulate } from './simulate.js';
import { type Limit, limitOf } from './limits.js';
import type { GraphShape } from '../schedule/shape.js';

export interface WhatIfRow {
  readonly nodes: number;
  /** Seconds. */
  readonly makespan: number;
  /** Seconds with free transfers: the bound of the schedule. */
  readonly bound: number;
  /** Over the same run on one node of speed 1 (or of the first speed given), which moves nothing. */
  readonly speedUp: number;
  /** speedUp / nodes. */
  readonly efficiency: number;
  /** Computing, as a share of the time of all nodes. */
  readonly utilisation: number;
  /** Bytes moved in and out, all nodes together. */
  readonly bytes: number;
  readonly limit: Limit;
}

export interface WhatIf {
  readonly rows: readonly WhatIfRow[];
  /** The fewest nodes of the table beyond which none of its rows is more than `margin` faster, and why. */
  readonly enough: { readonly nodes: number; readonly speedUp: number; readonly limit: Limit };
}

/** 1 … 8 and then in larger steps up to 64. */
export const defaultNodeCounts: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64];

/** Two makespans that differ by less than this share count as equal. */
const margin = 0.01;

/**
 * @param shapeFor the run on so many nodes, where its spec follows their number (AdaptiveNEG's label lag does by default).
 * @throws PffError `usage` as `simulate` does.
 */
export function whatIf(
  input: Omit<SimulationInput, 'nodes'>,
  nodeCounts: readonly number[] = defaultNodeCounts,
  shapeFor: (nodes: number) => GraphShape = () => input.shape,
): WhatIf {
  const rows = [...new Set([1, ...nodeCounts])]
    .toSorted((a, b) => a - b)
    .map((nodes): WhatIfRow => {
      const asked = { ...input, shape: shapeFor(nodes), nodes };
      const { summary } = simulate(asked);
      const alone = simulate({ ...asked, nodes: 1 }).summary;
      const speedUp = summary.makespan > 0 ? alone.makespan / summary.makespan : 1;
      return {
        nodes,
        makespan: summary.makespan,
        bound: simulate({ ...asked, network: {} }).summary.makespan,
        speedUp,
        efficiency: speedUp / nodes,
        utilisation: summary.utilisation,
        bytes: summary.bytesIn + summary.bytesOut,
        limit: limitOf(asked),
      };
    });
  const shortest = Math.min(...rows.map((row) => row.makespan));
  const first = rows.findIndex((row) => row.makespan <= shortest * (1 + margin));
  const row = rows[Math.max(0, first)];
  if (row === undefined) throw new Error('no rows');
  // What holds the next row back is why more nodes do not help; the last row can only speak for itself.
  const { limit } = rows[first + 1] ?? row;
  return { rows, enough: { nodes: row.nodes, speedUp: row.speedUp, limit } };
}
