/**
 * What a run may ask for at most. Checked before anything is allocated, by whoever submits a run and by whoever is asked to
 * take part in one: a run may come from somebody else, and a slip of a digit should be told and not end a process.
 */
import { PffError } from '../errors.js';
import { graphShape, trainedLayers } from './shape.js';
import { taskCount } from './tasks.js';
import { layerCount, type RunSpec } from '../spec/spec.js';

/** Layers above the input. Each task reads all layers below it, so that a graph grows with the square of this. */
export const MOST_LAYERS = 1000;
/** Tasks of a run: each has a record on the server and an entry in every node's memory. */
export const MOST_TASKS = 250_000;
/** Needs of all tasks together: what it takes to lay out the graph. */
const MOST_NEEDS = 50_000_000;
/** Samples in a batch. */
const MOST_BATCH = 2 ** 24;
/** Batches in a chapter, whose plan is in memory at once. */
export const MOST_CHAPTER_BATCHES = 1_000_000;

/** @throws PffError `usage` where the spec's graph is too large. */
export function checkGraph(spec: RunSpec): void {
  const wrong = (what: string, most: number, hint: string): never => {
    throw new PffError('usage', `${what}, but there may be at most ${most.toLocaleString('en')}`, { hint });
  };
  const layers = layerCount(spec);
  if (layers > MOST_LAYERS) wrong(`the network has ${layers} layers`, MOST_LAYERS, 'Give fewer --layers.');
  if (spec.batch > MOST_BATCH) wrong(`batch is ${spec.batch}`, MOST_BATCH, 'Lower --batch.');
  const shape = graphShape(spec);
  const tasks = taskCount(shape);
  const hint = 'Lower --splits; epochs do not count.';
  if (tasks > MOST_TASKS) wrong(`${spec.splits} splits make ${tasks} tasks`, MOST_TASKS, hint);
  const needs = spec.splits * trainedLayers(shape) ** 2;
  if (needs > MOST_NEEDS) wrong(`${spec.splits} splits of ${layers} layers depend ${needs} times`, MOST_NEEDS, hint);
}

/** @throws PffError `usage` where a chapter of a shard with so many samples has too many batches. */
export function checkChapters({ epochs, batch, splits }: RunSpec, samples: number): void {
  const total = epochs * Math.ceil(samples / batch);
  if (total / splits <= MOST_CHAPTER_BATCHES && Number.isSafeInteger(total * splits)) return;
  throw new PffError(
    'usage',
    `${epochs} epochs of ${samples} samples in ${splits} chapters are ${Math.ceil(total / splits)} batches of ${batch} a chapter, ` +
      `but there may be at most ${MOST_CHAPTER_BATCHES.toLocaleString('en')}`,
    { hint: 'Lower --epochs, or raise --splits.' },
  );
}
