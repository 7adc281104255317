/** Names and colours of layers, the same as in the other charts of pff. */
import { colourOf, layerName } from '../src/report/gantt-boxes.js';
import type { TaskRef } from '../src/schedule/timeline.js';

export { layerName };

export function layerColour(layer: TaskRef['layer']): string {
  return colourOf(layer).css;
}

/** Colours of runs that are compared, told apart by colour-blind readers too; legible on light and dark. */
const RUNS = ['#2f7fd0', '#d9822b', '#1f9e76', '#c45a95', '#8a6fd1', '#b8a014', '#d1553f', '#5f7f8f'];

export function runColour(run: number): string {
  return RUNS[run % RUNS.length] as string;
}

/** Layers first, then the head. */
export function layerOrder(a: TaskRef['layer'], b: TaskRef['layer']): number {
  const rank = (layer: TaskRef['layer']): number => (typeof layer === 'number' ? layer : 1e9);
  return rank(a) - rank(b);
}
