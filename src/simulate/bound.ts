/** How short a run of a schedule can be. */
import type { PffVariant } from '../schedule/assign.js';
import type { Costs } from './costs.js';
import type { GraphShape } from '../schedule/shape.js';
import { simulate } from './simulate.js';

/** The shortest makespan of this assignment in seconds: all costs as given, transfers free. */
export function bound(
  shape: GraphShape,
  variant: PffVariant,
  nodes: number,
  costs: Costs,
  speeds: readonly number[] = [],
): number {
  return simulate({ shape, variant, nodes, costs, speeds }).summary.makespan;
}
