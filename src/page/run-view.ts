/**
 * What there is to see of a run, computed from its events alone, without a clock: server, browser and tests reduce the same
 * events to the same view. Runs in a browser. Seconds count from the start of the run; where it was resumed, on from there.
 */
import { isComputing, type Span, type TaskRef } from '../schedule/timeline.js';
import { addSums, unpackSpans, type NodeSums, type PageAnalysis, type PageEvent } from './page-event.js';

type Of<T extends PageEvent['type']> = Extract<PageEvent, { type: T }>;
export type Started = Of<'started'>;
export type RunStatus = 'waiting' | 'training' | 'evaluating' | 'finished' | 'interrupted';

/** A finished task that trained something: a point of the curves. */
export interface TrainedTask {
  readonly node: number;
  readonly task: TaskRef;
  readonly samples: number;
  readonly loss: number;
  readonly positive: number;
  readonly negative: number;
  readonly correct: number;
  /** Seconds of its computing, and when it ended. */
  readonly seconds: number;
  readonly end: number;
}

/** Something that happened at a moment. */
export interface Mark {
  readonly at: number;
  readonly kind: 'fault' | 'resumed' | 'notice';
  /** Absent where it concerns all. */
  readonly node?: number;
  readonly text: string;
}

export interface NodeView {
  readonly node: number;
  busy: number;
  waiting: number;
  fetching: number;
  publishing: number;
  bytesIn: number;
  bytesOut: number;
  samples: number;
  tasks: number;
  deaths: number;
  processBytes: number | undefined;
  /** What it is at, if it has told since its last finished task. */
  doing: Of<'progress'> | undefined;
}

export interface Look {
  readonly chapter: number;
  readonly at: number;
  readonly analysis: PageAnalysis;
}

export interface RunView {
  name: string;
  status: RunStatus;
  started: Started | undefined;
  /** Added to times of the events: where the present part of a resumed run begins. */
  offset: number;
  /** The latest moment that is known of. */
  now: number;
  /** When the first task began; Infinity before that. A run of a cluster may have waited for its first node. Its chapter is always drawn. */
  begun: number;
  readonly spans: Span[];
  readonly trained: TrainedTask[];
  readonly marks: Mark[];
  /** By number; those that have not told anything yet included. */
  readonly nodes: NodeView[];
  /** In order of chapters, and of their number of samples. */
  readonly looks: Look[];
  /** Accuracy on held-out samples, in order of chapters. */
  readonly validations: Of<'validation'>[];
  /** Tasks done, training and labels, also by earlier parts of the run. */
  readonly done: Set<string>;
  /** More of them, in chapters that are not drawn. */
  counted: number;
  bound: Of<'bound'> | undefined;
  trainSeconds: number | undefined;
  idle: Of<'trained'>['idle'];
  evaluating: Of<'evaluating'> | undefined;
  result: Of<'finished'>['result'] | undefined;
  /** What came of audits, where results are audited. */
  audits: Of<'audits'> | undefined;
  unreadable: number;
  readonly remarks: string[];
}

export function emptyView(): RunView {
  return {
    name: '',
    status: 'waiting',
    started: undefined,
    offset: 0,
    now: 0,
    begun: Number.POSITIVE_INFINITY,
    spans: [],
    trained: [],
    marks: [],
    nodes: [],
    looks: [],
    validations: [],
    done: new Set(),
    counted: 0,
    bound: undefined,
    trainSeconds: undefined,
    idle: [],
    evaluating: undefined,
    result: undefined,
    audits: undefined,
    unreadable: 0,
    remarks: [],
  };
}

/**
 * Seconds of training so far, from the first task on. A resumed run's parts are added up as far as their tasks were finished,
 * whatever its own result says, which is of the last part only.
 */
export function trainingSeconds(view: RunView): number {
  const { result, trainSeconds } = view;
  // A cluster's run may have been under way before it was followed: its spans know when it began.
  const makespan = result?.pipeline ? result.pipeline.boundSeconds / result.pipeline.reached : elapsed(view);
  return makespan > 0 ? makespan : (trainSeconds ?? 0);
}

/** Seconds from the first task on; 0 before its end. */
export function elapsed({ begun, now }: RunView): number {
  return begun < now ? now - begun : 0;
}

/** Share of the nodes' time spent computing, over all parts of a resumed run; 0 before the first task's end. */
export function utilisation(view: RunView): number {
  const seconds = elapsed(view);
  const busy = view.nodes.reduce((sum, node) => sum + node.busy, 0);
  return seconds > 0 ? busy / (Math.max(1, view.nodes.length) * seconds) : 0;
}

/** Payload bytes that nodes took from each other, as a run's result counts them (run/result.ts). */
export function bytesMoved({ nodes, started }: RunView): number {
  const dff = started?.execution.variant === 'dff';
  return nodes.reduce((sum, node) => sum + (dff ? node.bytesOut : node.bytesIn), 0);
}

/** The view after `events`. */
export function viewOf(events: Iterable<PageEvent>): RunView {
  const view = emptyView();
  for (const event of events) applyEvent(view, event);
  return view;
}

/** Takes `view` on by one event. What an event means depends on the view and the event only. */
export function applyEvent(view: RunView, event: PageEvent): void {
  switch (event.type) {
    case 'started':
      return start(view, event);
    case 'resumed':
      for (const task of event.done) view.done.add(keyOf(task));
      view.counted = event.more ?? 0;
      view.marks.push({
        at: view.offset,
        kind: 'resumed',
        text: `resumed with ${event.done.length + view.counted} tasks done${event.damaged.length > 0 ? `, ${event.damaged.length} damaged files` : ''}`,
      });
      return;
    case 'progress':
      nodeOf(view, event.node).doing = event;
      return;
    case 'task':
      return finishTask(view, event);
    case 'counted':
      for (const sums of event.nodes) countTasks(view, sums);
      return;
    case 'node-died': {
      const node = nodeOf(view, event.node);
      node.deaths += 1;
      node.doing = undefined;
      // Logs of earlier versions have no time here.
      const at = (event as Partial<typeof event>).at;
      view.marks.push({
        at: at === undefined ? view.now : view.offset + at,
        kind: 'fault',
        node: event.node,
        text: `node ${event.node + 1} died (${event.reason}); a new one took over`,
      });
      return;
    }
    case 'notice': {
      const at = (event as Partial<typeof event>).at;
      view.marks.push({ at: at === undefined ? view.now : view.offset + at, kind: 'notice', text: event.text });
      return;
    }
    case 'audits':
      view.audits = event;
      return;
    case 'checkpoint-failed':
      view.marks.push({ at: view.now, kind: 'notice', text: `the checkpoint could not be written: ${event.reason}` });
      return;
    case 'analysis': {
      const look = { chapter: event.chapter, at: view.offset + event.at, analysis: event.analysis };
      const order = ({ chapter, analysis }: Pick<Look, 'chapter' | 'analysis'>): number =>
        chapter * 1e9 + analysis.samples;
      const place = view.looks.findIndex((other) => order(other) >= order(look));
      if (place < 0) view.looks.push(look);
      else view.looks.splice(place, order(view.looks[place] as Look) === order(look) ? 1 : 0, look);
      return;
    }
    case 'validation': {
      const { validations } = view;
      // A chapter that is measured again, after a resumption, counts once.
      const place = validations.findIndex(({ chapter }) => chapter >= event.chapter);
      const moved = { ...event, at: view.offset + event.at };
      if (place < 0) validations.push(moved);
      else validations.splice(place, validations[place]?.chapter === event.chapter ? 1 : 0, moved);
      return;
    }
    case 'bound':
      view.bound = event;
      return;
    case 'trained':
      view.trainSeconds = event.seconds;
      view.idle = event.idle;
      view.status = 'evaluating';
      for (const node of view.nodes) node.doing = undefined;
      return;
    case 'evaluating':
      view.evaluating = event;
      return;
    case 'interrupted':
      view.status = 'interrupted';
      for (const node of view.nodes) node.doing = undefined;
      return;
    case 'finished':
      view.result = event.result;
      view.status = 'finished';
      return;
    case 'unreadable':
      view.unreadable = event.lines;
      return;
    case 'remark':
      view.remarks.push(event.text);
      return;
  }
}

function start(view: RunView, event: Started): void {
  view.offset = view.started === undefined ? 0 : view.now;
  view.name = event.name;
  view.started = event;
  view.status = 'training';
  view.trainSeconds = undefined;
  view.evaluating = undefined;
  view.result = undefined;
  view.bound = undefined;
  for (const node of view.nodes) node.doing = undefined;
  if (event.execution.nodes > 0) nodeOf(view, event.execution.nodes - 1);
}

function finishTask(view: RunView, event: Of<'task'>): void {
  const node = nodeOf(view, event.node);
  let [seconds, end] = [0, 0];
  for (const span of unpackSpans(event.spans)) {
    const moved = { ...span, start: span.start + view.offset, end: span.end + view.offset };
    view.spans.push(moved);
    view.now = Math.max(view.now, moved.end);
    view.begun = Math.min(view.begun, moved.start);
    const length = span.end - span.start;
    if (isComputing(span.phase)) {
      node.busy += length;
      seconds += length;
      end = Math.max(end, moved.end);
    } else if (span.phase === 'wait') node.waiting += length;
    else if (span.phase === 'fetch') node.fetching += length;
    else node.publishing += length;
    if (span.phase === 'fetch') node.bytesIn += span.bytes;
    if (span.phase === 'publish') node.bytesOut += span.bytes;
  }
  node.samples += event.samples;
  node.tasks += 1;
  node.processBytes = event.processBytes ?? node.processBytes;
  node.doing = undefined;
  view.done.add(keyOf(event.task));
  const { task, samples, loss, positive, negative, correct } = event;
  if (samples > 0)
    view.trained.push({ node: event.node, task, samples, loss, positive, negative, correct, seconds, end });
}

/** Tasks that are not drawn. */
function countTasks(view: RunView, sums: NodeSums): void {
  const node = nodeOf(view, sums.node);
  addSums(node, sums);
  node.doing = undefined;
  view.counted += sums.tasks;
  view.now = Math.max(view.now, sums.end + view.offset);
}

/** The chapter, from 0, whose layers a run comes to: its last one, or the best one where it stopped early. */
export function lastChapter({ started, result }: Pick<RunView, 'started' | 'result'>): number {
  return result?.best?.chapter ?? (started?.spec.splits ?? 1) - 1;
}

/** The newest look into the network; of a finished run that at the layers of its model, if there is one. */
export function shownLook(view: RunView): RunView['looks'][number] | undefined {
  const last = view.looks.at(-1);
  if (view.status !== 'finished') return last;
  return view.looks.findLast(({ chapter }) => chapter === lastChapter(view)) ?? last;
}

/** Tasks done so far. */
export function tasksDone({ done, counted, started }: RunView): number {
  return Math.min(done.size + counted, started?.tasks ?? Infinity);
}

function nodeOf(view: RunView, number: number): NodeView {
  for (let node = view.nodes.length; node <= number; node++)
    view.nodes.push({
      node,
      busy: 0,
      waiting: 0,
      fetching: 0,
      publishing: 0,
      bytesIn: 0,
      bytesOut: 0,
      samples: 0,
      tasks: 0,
      deaths: 0,
      processBytes: undefined,
      doing: undefined,
    });
  return view.nodes[number] as NodeView;
}

function keyOf({ chapter, layer }: TaskRef): string {
  return `${chapter}:${layer}`;
}
