/** Which data a node passes on before it is asked for the task that trains on it. */
import { ownerOf, type PffVariant } from './assign.js';
import type { GraphShape } from './shape.js';
import { trainTask, type Task, type TrainTask } from './tasks.js';

/**
 * The task that the node of slot `node` does next with the inputs which its `task` leaves: the next layer of the chapter. It may have to
 * wait for that layer's chapter before, and the data can pass through the layer just trained meanwhile. Undefined where there is none.
 */
export function nextOnInputs(
  shape: GraphShape,
  { variant, nodes }: { readonly variant: PffVariant; readonly nodes: number },
  node: number,
  task: Task,
): TrainTask | undefined {
  if (task.kind !== 'train' || shape.ownInputs || task.layer + 1 >= shape.layers) return undefined;
  const next = trainTask(task.chapter, task.layer + 1);
  const isOwn = [task, next].every((each) => ownerOf(shape, variant, nodes, each) === node);
  return isOwn ? next : undefined;
}
