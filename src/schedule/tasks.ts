/**
 * The task graph of a run: its tasks, their names and what each needs. Who carries them out is assign.ts's matter; in
 * which steps, steps.ts's.
 */
import { PffError } from '../errors.js';
import { type GraphShape, trainedLayers } from './shape.js';

/** Trains one layer for one chapter; layer L is the head. Its output is the layer's state. */
export interface TrainTask {
  readonly kind: 'train';
  readonly chapter: number;
  readonly layer: number;
}

/** Predicts the negative labels that chapter `chapter` trains on. Its output is those labels. */
export interface LabelsTask {
  readonly kind: 'labels';
  readonly chapter: number;
}

export type Task = TrainTask | LabelsTask;

export function trainTask(chapter: number, layer: number): TrainTask {
  return { kind: 'train', chapter, layer };
}

export function labelsTask(chapter: number): LabelsTask {
  return { kind: 'labels', chapter };
}

/** The name of a task and of its output, the same on every node: `c3.l2`, `c3.labels`. Counts from 0; the head is layer L. */
export function taskKey(task: Task): string {
  return task.kind === 'labels' ? `c${task.chapter}.labels` : `c${task.chapter}.l${task.layer}`;
}

/** @throws PffError `cluster` where `key` is no task's name. */
export function parseTaskKey(key: string): Task {
  const match = /^c(\d{1,15})\.(?:labels|l(\d{1,15}))$/.exec(key);
  if (match === null) throw new PffError('cluster', `${JSON.stringify(key)} is not the name of a task`);
  const chapter = Number(match[1]);
  return match[2] === undefined ? labelsTask(chapter) : trainTask(chapter, Number(match[2]));
}

export function isHead(shape: GraphShape, task: Task): boolean {
  return task.kind === 'train' && task.layer === shape.layers;
}

/** Whether the labels of `chapter` are predicted by layers (else they are drawn at random, or there are none). */
export function hasLabelsTask(shape: GraphShape, chapter: number): boolean {
  return shape.predictedLabels !== 'none' && chapter >= shape.labelLag && chapter < shape.splits;
}

/** The last layer that a labels task reads. */
export function lastLabelLayer(shape: GraphShape): number {
  return shape.predictedLabels === 'first-layer' ? 0 : shape.layers - 1;
}

/** How many tasks a run has, as `allTasks` lists them. */
export function taskCount(shape: GraphShape): number {
  const predicted = shape.predictedLabels === 'none' ? 0 : Math.max(0, shape.splits - shape.labelLag);
  return shape.splits * trainedLayers(shape) + predicted;
}

/** Every task of a run in lexicographic order (chapter, labels first, layer): an order in which they can be done. */
export function* allTasks(shape: GraphShape): Generator<Task> {
  for (let chapter = 0; chapter < shape.splits; chapter++) {
    if (hasLabelsTask(shape, chapter)) yield labelsTask(chapter);
    for (let layer = 0; layer < trainedLayers(shape); layer++) yield trainTask(chapter, layer);
  }
}

/** Whether `task` is one of the run's. */
export function isTask(shape: GraphShape, task: Task): boolean {
  if (task.kind === 'labels') return hasLabelsTask(shape, task.chapter);
  return task.chapter < shape.splits && task.layer < trainedLayers(shape);
}

/**
 * What must be published before `task` can end, and all that it takes to do it from nothing but the data. A node that
 * still holds layer inputs needs less; steps.ts says what, and when.
 */
export function needs(shape: GraphShape, task: Task): Task[] {
  const { chapter } = task;
  if (task.kind === 'labels') {
    const source = chapter - shape.labelLag;
    return Array.from({ length: lastLabelLayer(shape) + 1 }, (_, layer) => trainTask(source, layer));
  }
  const needed: Task[] = [];
  if (hasLabelsTask(shape, chapter) && !isHead(shape, task)) needed.push(labelsTask(chapter));
  for (let below = 0; below < task.layer; below++) needed.push(trainTask(chapter, below));
  if (chapter > 0) needed.push(trainTask(chapter - 1, task.layer));
  return needed;
}

/** The tasks that need the output of `task`: the reverse of `needs`. */
export function consumers(shape: GraphShape, task: Task): Task[] {
  const { chapter } = task;
  if (task.kind === 'labels') return Array.from({ length: shape.layers }, (_, layer) => trainTask(chapter, layer));
  const found: Task[] = [];
  for (let above = task.layer + 1; above < trainedLayers(shape); above++) found.push(trainTask(chapter, above));
  if (chapter + 1 < shape.splits) found.push(trainTask(chapter + 1, task.layer));
  const labelled = chapter + shape.labelLag;
  if (task.layer <= lastLabelLayer(shape) && hasLabelsTask(shape, labelled)) found.push(labelsTask(labelled));
  return found;
}

/** The tasks whose outputs are the run's result, in order. */
export function results(shape: GraphShape): TrainTask[] {
  return Array.from({ length: trainedLayers(shape) }, (_, layer) => trainTask(shape.splits - 1, layer));
}

/** Whether the output of `task` is part of the run's result: a state of the last chapter. Such a state is never dropped. */
export function isResult(shape: GraphShape, task: Task): boolean {
  return task.kind === 'train' && task.chapter === shape.splits - 1;
}
