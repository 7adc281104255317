/**
 * Which chapters of a long run the page draws: some blocks of neighbouring ones, evenly over the run, so that a log of a million tasks
 * takes no more memory than one of some thousand. The tasks of all others only count in the sums of their nodes.
 */
import type { RunEvent } from '../run/events.js';
import { addSums, emptySums, type NodeSums, type PageEvent } from './page-event.js';
import { tasksOf } from './pack-event.js';
import { addSpan, TaskLineReader } from './task-line.js';

/** Drawn whole. */
const MOST_TASKS = 20_000;

export class Thinning {
  readonly #reader = new TaskLineReader();
  readonly #sums = new Map<number, NodeSums>();
  /** Of `#every` blocks of `#block` chapters the first is drawn. */
  #block = 1;
  #every = 1;

  /** Begins a run, or the next part of one. Returns what there is to say of it. */
  begin({ spec, execution }: Extract<RunEvent, { type: 'started' }>): string | undefined {
    const tasks = tasksOf(spec);
    const block = 2 * execution.nodes;
    const every = Math.ceil(tasks / MOST_TASKS);
    const known = block === this.#block && every === this.#every;
    this.#block = block;
    this.#every = every;
    if (known || every === 1) return undefined;
    return `${tasks} tasks are too many to draw: of each ${every * block} chapters, ${block} in a row are shown. The nodes' figures are of all.`;
  }

  draws(chapter: number): boolean {
    return this.#every === 1 || Math.floor(chapter / this.#block) % this.#every === 0;
  }

  /** Counts the line in bytes `start` to `end` if it is of a task that is not drawn. False: it has to be read whole. */
  counts(bytes: Buffer, start: number, end: number): boolean {
    if (this.#every === 1) return false;
    const chapter = this.#reader.chapterAt(bytes, start);
    if (chapter === undefined || this.draws(chapter)) return false;
    const sums = this.#reader.sums(end);
    if (sums === undefined) return false;
    const all = this.#of(sums.node);
    addSums(all, { ...sums, tasks: 1 });
    all.end = Math.max(all.end, sums.end);
    return true;
  }

  /** Counts a task that is not drawn and whose line had to be read whole. */
  count({ node, stats, spans }: Extract<RunEvent, { type: 'task-finished' }>): void {
    const all = this.#of(node);
    all.tasks += 1;
    all.samples += stats.samples;
    for (const span of spans) addSpan(all, span);
  }

  /** What was counted since the last call. */
  take(): PageEvent[] {
    if (this.#sums.size === 0) return [];
    const nodes = [...this.#sums.values()];
    this.#sums.clear();
    return [{ type: 'counted', nodes }];
  }

  #of(node: number): NodeSums {
    const sums = this.#sums.get(node) ?? emptySums(node);
    this.#sums.set(node, sums);
    return sums;
  }
}
