/**
 * How a node carries out a task, step by step: which layers it passes the data through, and what each step needs. The
 * nodes and the simulator both follow these steps.
 */
import type { GraphShape } from './shape.js';
import { type Task, type TrainTask, hasLabelsTask, isHead, labelsTask, needs, trainTask } from './tasks.js';

/**
 * What a node keeps in memory between tasks: the inputs of one layer in one chapter, that is the training data passed
 * through the layers below it. Null: nothing but the data itself.
 */
export type Held = { readonly chapter: number; readonly layer: number } | null;

/** One piece of work, and the outputs it needs (each is fetched once a node; see `needs` for what counts as output). */
export type Step =
  /** Pass the held inputs (or the data) through `layer`; they become the inputs of `layer + 1`. */
  | { readonly work: 'pass'; readonly layer: number; readonly needs: readonly Task[] }
  /** Train the task's layer on the held inputs. */
  | { readonly work: 'train'; readonly needs: readonly Task[] }
  /** Train the head, streaming the data through all layers batch by batch; held inputs stay as they are. */
  | { readonly work: 'head'; readonly needs: readonly Task[] }
  /** Predict negative labels, streaming the data; held inputs stay as they are. */
  | { readonly work: 'labels'; readonly needs: readonly Task[] };

export interface Steps {
  readonly steps: readonly Step[];
  /** What the node holds afterwards. */
  readonly held: Held;
}

/** The steps of `task` for a node that holds `held`. With `held` null they need all of `needs(shape, task)`. */
export function stepsOf(shape: GraphShape, task: Task, held: Held): Steps {
  if (task.kind === 'labels') return { steps: [{ work: 'labels', needs: needs(shape, task) }], held };
  if (isHead(shape, task)) return { steps: [{ work: 'head', needs: needs(shape, task) }], held };
  return { steps: trainSteps(shape, task, held), held: { chapter: task.chapter, layer: task.layer } };
}

function trainSteps(shape: GraphShape, { chapter, layer }: TrainTask, held: Held): Step[] {
  const usable = held !== null && !shape.ownInputs && held.chapter === chapter && held.layer <= layer;
  // Inputs depend on the chapter's negative labels from the first layer on; held ones were built with them.
  let labels: Task[] = usable || !hasLabelsTask(shape, chapter) ? [] : [labelsTask(chapter)];
  const steps: Step[] = [];
  for (let below = usable ? held.layer : 0; below < layer; below++) {
    steps.push({ work: 'pass', layer: below, needs: [...labels, trainTask(chapter, below)] });
    labels = [];
  }
  steps.push({ work: 'train', needs: chapter > 0 ? [...labels, trainTask(chapter - 1, layer)] : labels });
  return steps;
}
