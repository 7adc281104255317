/** Records where the time of a task goes: spans in seconds since the run began. */
import type { GraphShape } from '../schedule/shape.js';
import type { Task } from '../schedule/tasks.js';
import { refOf, type Phase, type Span } from '../schedule/timeline.js';
import { nowMs } from './clock.js';

export class SpanRecorder {
  readonly #graph: GraphShape;
  readonly #node: number;
  readonly #startedMs: number;
  #spans: Span[] = [];

  /** `startedMs`: when the run began, in milliseconds of Unix time. */
  constructor(graph: GraphShape, node: number, startedMs: number) {
    this.#graph = graph;
    this.#node = node;
    this.#startedMs = startedMs;
  }

  now(): number {
    return (nowMs() - this.#startedMs) / 1000;
  }

  /** A span of `task` from `start` to now; `waitedFor` is what a wait was for. */
  add(task: Task, phase: Phase, start: number, bytes = 0, waitedFor?: Task): void {
    const span: Span = { node: this.#node, task: refOf(this.#graph, task), phase, start, end: this.now(), bytes };
    this.#spans.push(waitedFor ? { ...span, waitedFor: refOf(this.#graph, waitedFor) } : span);
  }

  async timed<T>(task: Task, phase: Phase, work: () => Promise<T>): Promise<T> {
    const start = this.now();
    const value = await work();
    this.add(task, phase, start);
    return value;
  }

  /** The spans since the last call. */
  take(): Span[] {
    const spans = this.#spans;
    this.#spans = [];
    return spans;
  }
}
