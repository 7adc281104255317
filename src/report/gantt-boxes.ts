/** What both Gantt charts draw: boxes of computing, their colours and names. How they look on a page is theirs. */
import {
  type Phase,
  type Span,
  type TaskRef,
  type Timeline,
  isComputing,
  makespanOf,
  refKey,
} from '../schedule/timeline.js';

/** Computing on one task without a pause; a task that waits in the middle makes two boxes. */
export interface Box {
  readonly node: number;
  readonly task: TaskRef;
  readonly start: number;
  readonly end: number;
  readonly parts: readonly { readonly phase: Phase; readonly start: number; readonly end: number }[];
}

/** A colour as CSS and as number of the 256-colour terminal palette. Dark text is legible on each. */
export interface Colour {
  readonly css: string;
  readonly ansi: number;
}

/** After Okabe and Ito: told apart by colour-blind readers too. Layers beyond the last begin again. */
const layerColours: readonly Colour[] = [
  { css: '#56b4e9', ansi: 74 },
  { css: '#e69f00', ansi: 214 },
  { css: '#2fb58c', ansi: 36 },
  { css: '#f0e442', ansi: 227 },
  { css: '#cc79a7', ansi: 175 },
  { css: '#e8743b', ansi: 209 },
];
const headColour: Colour = { css: '#b4a5e8', ansi: 147 };
/** Backpropagation trains all layers at once. */
const networkColour: Colour = { css: '#9ccf5f', ansi: 149 };
const labelsColour: Colour = { css: '#bdbdbd', ansi: 250 };

export function colourOf(layer: TaskRef['layer']): Colour {
  if (layer === 'head') return headColour;
  if (layer === 'labels') return labelsColour;
  if (layer === 'network') return networkColour;
  return layerColours[layer % layerColours.length] ?? labelsColour;
}

/** One character for a layer, where there is no colour: 1 … 9, a … z, H for the head, N for negative labels, B for all. */
export function symbolOf(layer: TaskRef['layer']): string {
  if (layer === 'head') return 'H';
  if (layer === 'labels') return 'N';
  if (layer === 'network') return 'B';
  return layer < 9 ? String(layer + 1) : layer < 35 ? String.fromCodePoint(97 + layer - 9) : '#';
}

/** Counts from 1, as people do. */
export function layerName(layer: TaskRef['layer']): string {
  if (layer === 'head') return 'head';
  if (layer === 'network') return 'whole network';
  return layer === 'labels' ? 'negative labels' : `layer ${layer + 1}`;
}

export function taskName({ chapter, layer }: TaskRef): string {
  return `chapter ${chapter + 1}, ${layerName(layer)}`;
}

function rank(layer: TaskRef['layer']): number {
  return typeof layer === 'number' ? layer : 1e9 + ['network', 'head', 'labels'].indexOf(layer);
}

/** The layers of a timeline in order, head and labels last: a legend. */
export function layersOf(timeline: Timeline): TaskRef['layer'][] {
  const found = new Set(timeline.spans.filter((span) => isComputing(span.phase)).map((span) => span.task.layer));
  return [...found].toSorted((a, b) => rank(a) - rank(b));
}

export function boxesOf(timeline: Timeline): Box[] {
  // A real node takes a moment between two steps of a task; that is no pause worth drawing.
  const pause = makespanOf(timeline) / 2000;
  const boxes: { node: number; task: TaskRef; start: number; end: number; parts: Span[] }[] = [];
  const open = new Map<number, (typeof boxes)[number]>();
  const computing = timeline.spans.filter((span) => isComputing(span.phase) && span.end > span.start);
  for (const span of computing.toSorted((a, b) => a.start - b.start)) {
    const { node, task, start, end } = span;
    const box = open.get(node);
    if (box !== undefined && refKey(box.task) === refKey(task) && start - box.end <= pause) {
      box.end = Math.max(box.end, end);
      box.parts.push(span);
    } else {
      const fresh = { node, task, start, end, parts: [span] };
      boxes.push(fresh);
      open.set(node, fresh);
    }
  }
  return boxes;
}
