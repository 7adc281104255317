/** What a run sends through the store, counted from the schedule: layer states and labels, or DFF's outputs. */
import { type PffVariant, assign } from '../schedule/assign.js';
import { type Costs } from './costs.js';
import { type DffShape, dffOutputBytes } from './dff.js';
import { type GraphShape } from '../schedule/shape.js';
import { bytesOf } from './simulate.js';
import { needs, taskKey } from '../schedule/tasks.js';

export interface Traffic {
  /** Bytes written to the store. */
  readonly published: number;
  /** Bytes read from it; what a node made itself it does not read, and nothing twice. */
  readonly fetched: number;
}

/** Bytes of a whole run. A lone node moves nothing. */
export function pffTraffic(shape: GraphShape, variant: PffVariant, nodes: number, costs: Costs): Traffic {
  const lists = assign(shape, variant, nodes);
  if (lists.filter((list) => list.length > 0).length === 1) return { published: 0, fetched: 0 };
  let published = 0;
  let fetched = 0;
  for (const list of lists) {
    const has = new Set(list.map(taskKey));
    for (const task of list) {
      published += bytesOf(costs, task);
      for (const need of needs(shape, task)) {
        if (has.has(taskKey(need))) continue;
        has.add(taskKey(need));
        fetched += bytesOf(costs, need);
      }
    }
  }
  return { published, fetched };
}

/** PFF and DFF side by side. */
export interface TrafficPerChapter {
  readonly pff: Traffic;
  readonly dff: Traffic;
  /** Bytes that DFF moves for each byte of PFF; Infinity where PFF moves none. */
  readonly ratio: number;
}

/**
 * Mean bytes per chapter of both, for the same layers and data. `stepsPerChapter` is how often DFF's full-batch step is
 * done in what is one chapter here: C = E / S.
 */
export function trafficPerChapter(
  shape: GraphShape,
  variant: PffVariant,
  nodes: number,
  costs: Costs,
  dff: Omit<DffShape, 'steps'>,
  stepsPerChapter: number,
): TrafficPerChapter {
  const run = pffTraffic(shape, variant, nodes, costs);
  const pff = { published: run.published / shape.splits, fetched: run.fetched / shape.splits };
  const outputs = dffOutputBytes(dff).reduce((sum, bytes) => sum + bytes, 0) * stepsPerChapter;
  const moved = pff.published + pff.fetched;
  const ratio = moved > 0 ? (2 * outputs) / moved : Number.POSITIVE_INFINITY;
  return { pff, dff: { published: outputs, fetched: outputs }, ratio };
}
