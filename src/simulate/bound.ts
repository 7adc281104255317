/** How short a run of a schedule can be. */
import type { PffVariant } from '../schedule/assign.js';
import type { Costs } from './costs.js';
import type { GraphShape } from '../schedule/shape.js';
import { simulate, type SimulationInput } from './simulate.js';

/**
 * The shortest makespan of this assignment in seconds: all costs as given, transfers free.
 * @param more `sharedMemory`: nodes hand inputs on, as in Single-Layer on one machine
 */
export function bound(
  shape: GraphShape,
  variant: PffVariant,
  nodes: number,
  costs: Costs,
  { speeds = [], sharedMemory = false }: Pick<SimulationInput, 'speeds' | 'sharedMemory'> = {},
): number {
  return simulate({ shape, variant, nodes, costs, speeds, sharedMemory }).summary.makespan;
}
