/**
 * Which layer inputs one node of Single-Layer can hand on to another, where they share memory. The inputs of the first layer are the data,
 * which every node has.
 */
import { ownerOf, type PffVariant } from './assign.js';
import type { GraphShape } from './shape.js';
import { trainTask, type Task, type TrainTask } from './tasks.js';

interface Assignment {
  readonly variant: PffVariant;
  readonly nodes: number;
}

/** Whether the node of `task` hands on the inputs that it trained on. */
export function handsOn(shape: GraphShape, assignment: Assignment, task: Task): boolean {
  return task.kind === 'train' && isBoundary(shape, assignment, task.chapter, task.layer);
}

/** Whether the inputs of the layer below `task`'s are handed on to its node. */
export function takesOver(shape: GraphShape, assignment: Assignment, task: Task): task is TrainTask {
  return task.kind === 'train' && isBoundary(shape, assignment, task.chapter, task.layer - 1);
}

/** The node that takes over a layer's inputs: that of the layer above. */
export function receiverOf(shape: GraphShape, { variant, nodes }: Assignment, layer: number): number {
  return ownerOf(shape, variant, nodes, trainTask(0, layer + 1));
}

/** How many layers' inputs can wait at once. */
export function relayedLayers(shape: GraphShape, assignment: Assignment): number {
  return Array.from({ length: shape.layers }, (_, layer) => layer).filter((layer) =>
    isBoundary(shape, assignment, 0, layer),
  ).length;
}

/** The layer above has another node, and inputs of its own do not come from the data alone. */
function isBoundary(shape: GraphShape, { variant, nodes }: Assignment, chapter: number, layer: number): boolean {
  if (variant !== 'single-layer' || shape.ownInputs || layer < 1 || layer + 1 >= shape.layers) return false;
  const owner = (each: number): number => ownerOf(shape, variant, nodes, trainTask(chapter, each));
  return owner(layer) !== owner(layer + 1);
}
