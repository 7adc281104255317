/**
 * What happened when: the one record that a real run, a simulated one and DFF all produce, and the figures drawn from it.
 * Times are seconds since the start of the run, bytes are payload bytes.
 */
import { PffError } from '../errors.js';
import { type GraphShape } from './shape.js';
import { type Task, isHead, labelsTask, trainTask } from './tasks.js';

/** A task in a timeline. DFF's steps are numbered like chapters. */
export interface TaskRef {
  readonly chapter: number;
  /** `network`: backpropagation trains all layers at once. */
  readonly layer: number | 'labels' | 'head' | 'network';
}

/**
 * `pass`, `train` (the head too) and `labels` are computing. `wait` is a node standing still for another task's output.
 * `fetch` and `publish` are transfers and may overlap with computing.
 */
export type Phase = 'wait' | 'fetch' | 'pass' | 'train' | 'labels' | 'publish';

export interface Span {
  readonly node: number;
  /** The task being done; for a `fetch` the task whose output is fetched. */
  readonly task: TaskRef;
  readonly phase: Phase;
  readonly start: number;
  readonly end: number;
  /** Moved by a `fetch` (in) or `publish` (out), else 0. */
  readonly bytes: number;
  /** For a `wait`: the task whose output was not there. */
  readonly waitedFor?: TaskRef;
}

export interface Timeline {
  readonly nodes: number;
  readonly spans: readonly Span[];
}

/** Why a node did not compute, for the ledger. */
export const idleReasons = [
  /** The first task was not there yet: the pipeline fills. */
  'fill',
  /** A lower layer of the same chapter was being trained elsewhere. */
  'layer-below',
  /** The same layer of the chapter before was being trained elsewhere. */
  'chapter-before',
  /** Predicted labels, or the layers they are predicted from. */
  'labels',
  /** Held back, so as not to run too many chapters ahead of the slowest node. */
  'window',
  /** A finished output was on its way. */
  'network',
  /** Neither computing nor waiting for anything known: overhead. */
  'other',
  /** Its last task was done: the pipeline drains. */
  'drain',
  /** It had no task at all. */
  'no-task',
] as const;

export type IdleReason = (typeof idleReasons)[number];

export interface NodeFigures {
  readonly node: number;
  /** Seconds of computing. */
  readonly busy: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Seconds of not computing, by reason; with `busy` they add up to the makespan. */
  readonly idle: Readonly<Partial<Record<IdleReason, number>>>;
}

export interface TimelineSummary {
  /** Seconds from the beginning of the first span to the end of the last one. */
  readonly makespan: number;
  /** Seconds of computing, all nodes together. */
  readonly busy: number;
  /** busy / (N · makespan), 0 … 1. */
  readonly utilisation: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly nodes: readonly NodeFigures[];
  /** What kept the run from full utilisation, in seconds over all nodes, largest first. */
  readonly idle: readonly { readonly reason: IdleReason; readonly seconds: number }[];
}

export function refOf(shape: GraphShape, task: Task): TaskRef {
  if (task.kind === 'labels') return { chapter: task.chapter, layer: 'labels' };
  return { chapter: task.chapter, layer: isHead(shape, task) ? 'head' : task.layer };
}

/** The inverse of `refOf`. @throws PffError `cluster` for `network`, which is no task of the graph */
export function taskOf(shape: GraphShape, { chapter, layer }: TaskRef): Task {
  if (layer === 'labels') return labelsTask(chapter);
  if (layer === 'network') throw new PffError('cluster', `the task graph has no task for the whole network`);
  return trainTask(chapter, layer === 'head' ? shape.layers : layer);
}

export function refKey(task: TaskRef): string {
  return `${task.chapter}:${task.layer}`;
}

export function isComputing(phase: Phase): boolean {
  return phase === 'pass' || phase === 'train' || phase === 'labels';
}

export function makespanOf(timeline: Timeline): number {
  return timeline.spans.reduce((latest, span) => Math.max(latest, span.end), 0);
}

/** When the first span began: a run of a cluster may have waited for its first node. */
function beginningOf({ spans }: Timeline): number {
  return spans.reduce((earliest, span) => Math.min(earliest, span.start), spans[0]?.start ?? 0);
}

/** The same with its first span at 0: what is drawn begins there. */
export function fromItsBeginning(timeline: Timeline): Timeline {
  const begun = beginningOf(timeline);
  const spans = timeline.spans.map((span) => ({ ...span, start: span.start - begun, end: span.end - begun }));
  return { ...timeline, spans };
}

export function summarise(timeline: Timeline): TimelineSummary {
  const [begun, ended] = [beginningOf(timeline), makespanOf(timeline)];
  const makespan = ended - begun;
  const finished = finishTimes(timeline);
  const spansOf: Span[][] = Array.from({ length: timeline.nodes }, () => []);
  for (const span of timeline.spans) spansOf[span.node]?.push(span);
  const nodes = spansOf.map((spans, node) => figuresOf(node, spans, [begun, ended], finished));

  const total = (of: (figures: NodeFigures) => number) => nodes.reduce((sum, figures) => sum + of(figures), 0);
  const busy = total((figures) => figures.busy);
  return {
    makespan,
    busy,
    utilisation: makespan > 0 ? busy / (timeline.nodes * makespan) : 0,
    bytesIn: total((figures) => figures.bytesIn),
    bytesOut: total((figures) => figures.bytesOut),
    nodes,
    idle: idleReasons
      .map((reason) => ({ reason, seconds: total((figures) => figures.idle[reason] ?? 0) }))
      .filter(({ seconds }) => seconds > 0)
      .toSorted((a, b) => b.seconds - a.seconds),
  };
}

/** When each task's computing ended: from then on, whoever waits for it waits for the network. */
function finishTimes(timeline: Timeline): Map<string, number> {
  const finished = new Map<string, number>();
  for (const { task, phase, end } of timeline.spans)
    if (isComputing(phase)) finished.set(refKey(task), Math.max(end, finished.get(refKey(task)) ?? 0));
  return finished;
}

function figuresOf(
  node: number,
  spans: readonly Span[],
  [begun, ended]: readonly [number, number],
  finished: ReadonlyMap<string, number>,
): NodeFigures {
  const computing = spans.filter((span) => isComputing(span.phase)).toSorted((a, b) => a.start - b.start);
  const quiet = spans.filter((span) => !isComputing(span.phase)).toSorted((a, b) => a.start - b.start);
  const idle: Partial<Record<IdleReason, number>> = {};
  const add = (reason: IdleReason, seconds: number): void => {
    if (seconds > 0) idle[reason] = (idle[reason] ?? 0) + seconds;
  };

  let busy = 0;
  let until = begun;
  // Gaps follow each other in time, so spans that ended before one need not be looked at again.
  let first = 0;
  for (const { start, end } of computing) {
    if (start > until) {
      while (first < quiet.length && (quiet[first] as Span).end <= until) first++;
      const inside: Span[] = [];
      for (let i = first; i < quiet.length && (quiet[i] as Span).start < start; i++)
        if ((quiet[i] as Span).end > until) inside.push(quiet[i] as Span);
      if (until === begun)
        explainGap(until, start, inside, finished, (reason, s) => add(reason === 'network' ? reason : 'fill', s));
      else explainGap(until, start, inside, finished, add);
    }
    busy += Math.max(0, end - Math.max(start, until)); // spans of one node should not overlap; count no moment twice
    until = Math.max(until, end);
  }
  if (ended > until) add(computing.length === 0 ? 'no-task' : 'drain', ended - until);

  const bytes = (phase: Phase) => spans.reduce((sum, span) => sum + (span.phase === phase ? span.bytes : 0), 0);
  return { node, busy, bytesIn: bytes('fetch'), bytesOut: bytes('publish'), idle };
}

/** Splits the gap [from, to] of a node by reason: waits first, then transfers, then other; `inside` are the spans in it. */
function explainGap(
  from: number,
  to: number,
  inside: readonly Span[],
  finished: ReadonlyMap<string, number>,
  add: (reason: IdleReason, seconds: number) => void,
): void {
  const pieces: { start: number; end: number; reason: IdleReason }[] = [];
  for (const span of inside) {
    if (span.phase !== 'wait') continue;
    const ready = span.waitedFor === undefined ? span.end : (finished.get(refKey(span.waitedFor)) ?? span.end);
    const middle = Math.min(span.end, Math.max(span.start, ready));
    pieces.push({ start: span.start, end: middle, reason: reasonOf(span) });
    pieces.push({ start: middle, end: span.end, reason: 'network' });
  }
  for (const span of inside)
    if (span.phase !== 'wait') pieces.push({ start: span.start, end: span.end, reason: 'network' });

  // Each piece takes what earlier pieces left of the gap.
  let open: [number, number][] = [[from, to]];
  for (const piece of pieces) {
    const left: [number, number][] = [];
    for (const [start, end] of open) {
      const cutStart = Math.min(Math.max(piece.start, start), end);
      const cutEnd = Math.max(Math.min(piece.end, end), cutStart);
      add(piece.reason, cutEnd - cutStart);
      if (cutStart > start) left.push([start, cutStart]);
      if (end > cutEnd) left.push([cutEnd, end]);
    }
    open = left;
  }
  for (const [start, end] of open) add('other', end - start);
}

function reasonOf({ task, waitedFor }: Span): IdleReason {
  if (waitedFor === undefined) return 'other';
  if (task.layer === 'labels' || waitedFor.layer === 'labels') return 'labels';
  if (waitedFor.chapter === task.chapter) return 'layer-below';
  return waitedFor.layer === task.layer ? 'chapter-before' : 'window';
}
