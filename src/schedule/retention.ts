/**
 * How long a store keeps outputs, and how far nodes may run ahead, which together bound the memory of a run.
 *
 * An output is kept until every task that `needs` it is published; states of the last chapter stay. So at any moment the
 * store has all that any unpublished task needs to be done from nothing but the data: whichever nodes die, however many
 * and however often, their replacements start with nothing held, skip what is published and find the rest. The kept
 * outputs are also exactly what a checkpoint has to save. (A node that was taken for dead and goes on may find a state
 * gone; then its task is published already, and it goes on to its next one.)
 */
import { type PffVariant } from './assign.js';
import { type GraphShape, trainedLayers } from './shape.js';
import { type Task, consumers, isResult, needs, taskKey, trainTask } from './tasks.js';

/** Keeps count of what is published and says what may be dropped. */
export class Retention {
  readonly #shape: GraphShape;
  readonly #published = new Set<string>();
  /** Kept outputs: how many of their consumers are not yet published. */
  readonly #kept = new Map<string, { readonly task: Task; waiting: number }>();

  constructor(shape: GraphShape) {
    this.#shape = shape;
  }

  isPublished(task: Task): boolean {
    return this.#published.has(taskKey(task));
  }

  /** Whether the output of `task` is published and still needed (or part of the result). */
  isKept(task: Task): boolean {
    return this.#kept.has(taskKey(task));
  }

  /** Everything that a store has to hold now, oldest first: what a checkpoint saves. */
  kept(): Task[] {
    return [...this.#kept.values()].map(({ task }) => task);
  }

  /** Notes that `task` is published and returns the tasks whose outputs nobody needs any more. Twice is once. */
  publish(task: Task): Task[] {
    const key = taskKey(task);
    if (this.#published.has(key)) return [];
    this.#published.add(key);
    const waiting = consumers(this.#shape, task).filter((consumer) => !this.isPublished(consumer)).length;
    this.#kept.set(key, { task, waiting });
    const dropped: Task[] = [];
    for (const source of needs(this.#shape, task)) {
      const entry = this.#kept.get(taskKey(source));
      if (entry !== undefined) entry.waiting -= 1;
      this.#dropIfDone(source, dropped);
    }
    this.#dropIfDone(task, dropped);
    return dropped;
  }

  #dropIfDone(task: Task, dropped: Task[]): void {
    const key = taskKey(task);
    const entry = this.#kept.get(key);
    if (entry === undefined || entry.waiting > 0 || isResult(this.#shape, task)) return;
    this.#kept.delete(key);
    dropped.push(entry.task);
  }
}

/**
 * How many chapters may be under way at once without slowing any schedule: one for each stage of the pipeline, and one
 * more against jitter. In all-layers the assignment itself allows no more than N.
 */
export function defaultWindow(shape: GraphShape, variant: PffVariant, nodes: number): number {
  if (variant === 'sequential') return 1;
  return variant === 'single-layer' ? Math.min(nodes, trainedLayers(shape)) + 1 : nodes;
}

/**
 * The task that must be published before `task` may begin, so that no node runs more than `window` chapters ahead of the
 * slowest (else the node of a cheap first layer would fill the store): the last layer of chapter c - window. Null if none.
 */
export function gateOf(shape: GraphShape, task: Task, window: number): Task | null {
  if (task.kind === 'labels' || task.chapter < window) return null;
  return trainTask(task.chapter - window, trainedLayers(shape) - 1);
}

/**
 * Where results are audited: a task is not begun while one that is more than so many chapters behind the window is still to be
 * checked. So what an audit needs is kept for that long, and no longer.
 */
export const AUDIT_LAG = 1;

/** As `maxKeptChapters`, for a run whose results are audited (as long as none is refuted). */
export function maxAuditedChapters(shape: GraphShape, variant: PffVariant, nodes: number, window: number): number {
  const reach = shape.predictedLabels === 'none' ? 1 : shape.labelLag;
  const kept = Math.max(maxKeptChapters(shape, variant, nodes, window), window + reach);
  return Math.min(shape.splits, kept + AUDIT_LAG + 1);
}

/** The most chapters of which a store ever keeps states, whatever the timing; times the layers' bytes, its memory bound. */
export function maxKeptChapters(shape: GraphShape, variant: PffVariant, nodes: number, window: number): number {
  const workers = variant === 'sequential' ? 1 : nodes;
  let before = 1;
  if (shape.predictedLabels !== 'none' && variant !== 'single-layer')
    before = shape.labelLag < workers ? shape.labelLag : 2 * workers - 1;
  return Math.min(shape.splits, window + before);
}
