/** Where a run is, drawn from its events: what the live lines and the plain lines show. Pure: the caller has the clock. */
import type { DatasetFacts } from '../node/prepare.js';
import type { RunEvent } from '../run/events.js';
import type { TaskRef } from '../schedule/timeline.js';
import type { StepStats } from '../kernels/trainer.js';
import { usesNegatives, type RunSpec } from '../spec/spec.js';
import { Estimate } from './estimate.js';
import { figure, percent } from './units.js';

/** Speeds are means over this many seconds. */
const WINDOW_SECONDS = 3;

export interface NodeProgress {
  readonly task: TaskRef;
  readonly batch: number;
  readonly batches: number;
  /** Means over the latest batches: `loss 0.123  goodness pos 1.2 neg 0.4`, or the accuracy of the layer's own head. */
  readonly measures: string;
}

export class RunProgress {
  readonly spec: RunSpec;
  readonly nodes: number;
  readonly dataset: DatasetFacts;
  readonly #estimate: Estimate;
  /** The caller's time at which the run's own time was 0. */
  #start: number;
  /** When its first task began, in the run's own time: a run of a cluster may have waited for its first node. */
  #begun = Number.POSITIVE_INFINITY;
  #now: number;
  readonly #byNode = new Map<number, NodeProgress>();
  /** Samples of each node's present task that were counted, so that the end of the task counts only the rest. */
  readonly #counted = new Map<number, number>();
  /** `at`: in the run's own time. */
  #recent: { readonly at: number; readonly samples: number }[] = [];
  /** The latest accuracy on held-out samples. */
  validation: Extract<RunEvent, { type: 'validation' }> | undefined;
  /** Evaluated samples, once that has begun. */
  evaluated: { readonly done: number; readonly samples: number } | undefined;

  constructor(started: Extract<RunEvent, { type: 'started' }>, now: number) {
    this.spec = started.spec;
    this.nodes = started.execution.nodes;
    this.dataset = started.dataset;
    this.#estimate = new Estimate(started.spec);
    this.#start = now;
    this.#now = now;
  }

  observe(event: RunEvent, now: number): void {
    this.#now = now;
    if (event.type === 'progress') {
      const { node, task, batch, batches, stats } = event;
      this.#byNode.set(node, { task, batch, batches, measures: measuresOf(this.spec, task, stats) });
      this.#estimate.progress(node, task, batch / batches);
      this.#counted.set(node, (this.#counted.get(node) ?? 0) + stats.samples);
      this.#begun = Math.min(this.#begun, this.#runTime);
      this.#count(stats.samples, this.#runTime);
    } else if (event.type === 'task-finished') {
      const { node, task, stats, spans } = event;
      this.#estimate.finished(node, task, spans);
      // Who follows a run of a cluster from its middle is told all of its past at once: what counts is when it happened.
      const end = spans.reduce((latest, span) => Math.max(latest, span.end), 0);
      this.#start = Math.min(this.#start, now - end);
      for (const span of spans) this.#begun = Math.min(this.#begun, span.start);
      this.#count(stats.samples - (this.#counted.get(node) ?? 0), end > 0 ? end : this.#runTime);
      this.#counted.delete(node);
      const before = this.#byNode.get(node);
      if (before && task.layer !== 'labels')
        this.#byNode.set(node, {
          ...before,
          task,
          batch: before.batches,
          measures: measuresOf(this.spec, task, stats),
        });
    } else if (event.type === 'resumed') {
      this.#estimate.resumed(event.done);
    } else if (event.type === 'node-died') {
      this.#counted.delete(event.node);
    } else if (event.type === 'validation') {
      this.validation = event;
    } else if (event.type === 'evaluating') {
      this.evaluated = event;
    }
  }

  /** What node `node` does, if it has told. */
  node(node: number): NodeProgress | undefined {
    return this.#byNode.get(node);
  }

  /** Seconds from the first task on. */
  get elapsed(): number {
    return Math.max(0, this.#runTime - Math.min(this.#begun, this.#runTime));
  }

  get #runTime(): number {
    return this.#now - this.#start;
  }

  get share(): number {
    return this.#estimate.share();
  }

  get secondsLeft(): number {
    return this.#estimate.left(this.elapsed);
  }

  /** Training samples a second of all nodes together, lately; undefined at the very start. */
  get samplesPerSecond(): number | undefined {
    const first = this.#recent[0];
    if (first === undefined) return undefined;
    const seconds = this.#runTime - first.at;
    const samples = this.#recent.slice(1).reduce((sum, each) => sum + each.samples, 0);
    if (seconds > 0.05) return samples / seconds;
    return this.elapsed > 0.05 ? (samples + first.samples) / this.elapsed : undefined;
  }

  /** `chapter 3/8  layer 2/4`, counted from 1 as people do. */
  place({ chapter, layer }: TaskRef): string {
    const names = { labels: 'negative labels', head: 'softmax head', network: 'all layers' };
    const where = typeof layer === 'number' ? `layer ${layer + 1}/${this.spec.layers.length - 1}` : names[layer];
    return `chapter ${chapter + 1}/${this.spec.splits}  ${where}`;
  }

  #count(samples: number, at: number): void {
    this.#recent.push({ at, samples });
    const oldest = this.#runTime - WINDOW_SECONDS;
    // The newest entry from before the window stays: it says when the first one inside began.
    const keep = this.#recent.findLastIndex((each) => each.at < oldest);
    if (keep > 0) this.#recent = this.#recent.slice(keep);
  }
}

/** Means of a task's sums, in words. */
export function measuresOf({ objective }: RunSpec, { layer }: TaskRef, stats: StepStats): string {
  if (stats.samples === 0) return '';
  const mean = (sum: number): string => figure(sum / stats.samples);
  const loss = `loss ${mean(stats.loss)}`;
  return layer !== 'head' && usesNegatives(objective)
    ? `${loss}  goodness pos ${mean(stats.positiveGoodness)} neg ${mean(stats.negativeGoodness)}`
    : `${loss}  accuracy ${percent(stats.correct / stats.samples, 1)}`;
}
