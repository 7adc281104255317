/**
 * Who does which task, in which order. There is no coordinator: every node computes these same lists. Doing the tasks in
 * list order never deadlocks, because all lists follow one order of the whole graph (the tests prove it).
 */
import { type GraphShape, checkCount, checkShape, trainedLayers } from './shape.js';
import { type Task, type TrainTask, hasLabelsTask, labelsTask, lastLabelLayer, trainTask } from './tasks.js';

/** The schedules of the paper. */
export const PFF_VARIANTS = ['sequential', 'single-layer', 'all-layers', 'federated'] as const;
export type PffVariant = (typeof PFF_VARIANTS)[number];

/** And DFF, its distributed baseline, which has a graph of its own (simulate/dff.ts). */
export const VARIANTS = [...PFF_VARIANTS, 'dff'] as const;
export type Variant = (typeof VARIANTS)[number];

/** [places]: which node does what is dealt out to each place (placement.ts). */
export type Placement = readonly number[];

/**
 * The tasks of each node, in the order in which it does them. Nodes beyond the work have none.
 *
 * - `sequential`: node 0 does everything.
 * - `single-layer`: the layers (head included) are cut into blocks of neighbours, as equal as can be, the larger ones
 *   first; block n belongs to node n. With as many nodes as layers each has one, as in the paper.
 * - `all-layers`, `federated`: chapter c belongs to node c mod N.
 *
 * With a placement the nodes of this description are places, and the lists are those of the nodes that have them.
 */
export function assign(shape: GraphShape, variant: PffVariant, nodes: number, placement?: Placement): Task[][] {
  checkShape(shape);
  checkCount('nodes', nodes);
  const own: Task[][] = Array.from({ length: placement ? 1 + Math.max(...placement) : nodes }, () => []);
  // Places of the same node share its list, which so has the order of the graph.
  const lists = placement ? placement.map((node) => own[node] as Task[]) : own;
  if (variant === 'single-layer') assignLayers(shape, lists);
  else assignChapters(shape, lists, variant === 'sequential' ? 1 : nodes);
  return own;
}

/** The node that does `task`. */
export function ownerOf(shape: GraphShape, variant: PffVariant, nodes: number, task: Task): number {
  if (variant === 'sequential') return 0;
  if (variant !== 'single-layer') return task.chapter % nodes;
  return layerOwner(shape, nodes, task.kind === 'labels' ? lastLabelLayer(shape) : task.layer);
}

/**
 * Blocks of neighbours, not l mod N: a node that owns l and l + 1 passes its inputs on once instead of rebuilding them,
 * and it never waits in mid-chapter for a layer that another node trains between two of its own. For L = 4 and N = 2 a
 * chapter takes 2 slots instead of 3. The first blocks are the larger ones because later nodes pass through more layers.
 */
function layerOwner(shape: GraphShape, nodes: number, layer: number): number {
  const layers = trainedLayers(shape);
  const small = Math.floor(layers / nodes);
  const larger = layers % nodes;
  const inLarger = larger * (small + 1);
  return layer < inLarger ? Math.floor(layer / (small + 1)) : larger + Math.floor((layer - inLarger) / small);
}

function assignLayers(shape: GraphShape, lists: Task[][]): void {
  for (let chapter = 0; chapter < shape.splits; chapter++) {
    for (const task of chapterOf(shape, chapter)) {
      const list = lists[layerOwner(shape, lists.length, task.layer)];
      list?.push(task);
      // Labels at once when the last layer they need is done: the first node may be waiting for them, and the states
      // they are made from need not be kept for `labelLag` chapters.
      const labelled = chapter + shape.labelLag;
      if (task.layer === lastLabelLayer(shape) && hasLabelsTask(shape, labelled)) list?.push(labelsTask(labelled));
    }
  }
}

function assignChapters(shape: GraphShape, lists: Task[][], nodes: number): void {
  // A node predicts labels just before the first chapter of its own by which chapter c - lag should be finished, that
  // is from c - lag + N on: earlier it would stand waiting, later old states would be kept for nothing.
  const early = nodes * Math.max(0, Math.floor(shape.labelLag / nodes) - 1);
  for (let chapter = 0; chapter < shape.splits; chapter++) {
    const list = lists[chapter % nodes];
    if (hasLabelsTask(shape, chapter + early)) list?.push(labelsTask(chapter + early));
    list?.push(...chapterOf(shape, chapter));
  }
}

function chapterOf(shape: GraphShape, chapter: number): TrainTask[] {
  return Array.from({ length: trainedLayers(shape) }, (_, layer) => trainTask(chapter, layer));
}
