/**
 * What the page is told of a run: the events of its log in a form that is small enough to send and to keep in a file. The
 * same for a live run, a finished one and a report. Plain JSON; runs in a browser.
 */
import type { NetworkAnalysis } from '../model/analysis/analysis.js';
import type { RunEvent, RunResult } from '../run/events.js';
import type { Phase, Span, TaskRef } from '../schedule/timeline.js';

/** An analysis whose images may be left out, because a later one has them. */
export type PageAnalysis = Omit<NetworkAnalysis, 'receptiveFields' | 'confused'> &
  Partial<Pick<NetworkAnalysis, 'receptiveFields' | 'confused'>>;

type Unchanged = Extract<
  RunEvent,
  { type: 'resumed' | 'checkpoint-failed' | 'node-died' | 'notice' | 'evaluating' | 'interrupted' }
>;

export type PageEvent =
  | Unchanged
  | (Extract<RunEvent, { type: 'started' }> & { readonly name: string })
  | Extract<RunEvent, { type: 'progress' }>
  | {
      readonly type: 'task';
      readonly node: number;
      readonly task: TaskRef;
      readonly samples: number;
      /** Means over the samples. `correct`: share that the layer by itself tells right in training. */
      readonly loss: number;
      readonly positive: number;
      readonly negative: number;
      readonly correct: number;
      readonly processBytes?: number | undefined;
      /** See `packSpans`. */
      readonly spans: readonly number[];
    }
  | { readonly type: 'trained'; readonly seconds: number; readonly idle: readonly (readonly [string, number])[] }
  | { readonly type: 'analysis'; readonly chapter: number; readonly at: number; readonly analysis: PageAnalysis }
  /** Seconds that the schedule needs at least with what its tasks took, and that one such node alone would need. */
  | { readonly type: 'bound'; readonly seconds: number; readonly alone: number }
  | { readonly type: 'finished'; readonly result: RunResult }
  /** Lines of the log that could not be read. */
  | { readonly type: 'unreadable'; readonly lines: number }
  /** Something that the page's server has to say, such as why there is no analysis. */
  | { readonly type: 'remark'; readonly text: string };

/** The event as the page gets it, which is told no path of this machine. `name`: what to call the run. */
export function packEvent(event: RunEvent, name: string): PageEvent {
  switch (event.type) {
    case 'started':
      return { ...event, folder: undefined, name };
    case 'finished':
      return { type: 'finished', result: { ...event.result, folder: undefined } };
    case 'interrupted':
      return { ...event, savedModel: undefined };
    case 'task-finished': {
      const { node, task, stats, spans, processBytes } = event;
      const mean = (sum: number): number => (stats.samples > 0 ? sum / stats.samples : 0);
      return {
        type: 'task',
        node,
        task,
        samples: stats.samples,
        loss: mean(stats.loss),
        positive: mean(stats.positiveGoodness),
        negative: mean(stats.negativeGoodness),
        correct: mean(stats.correct),
        ...(processBytes === undefined ? {} : { processBytes }),
        spans: packSpans(spans),
      };
    }
    case 'trained': {
      const { seconds, summary } = event;
      return { type: 'trained', seconds, idle: summary.idle.map((idle) => [idle.reason, idle.seconds] as const) };
    }
    default:
      return event;
  }
}

const PHASES: readonly Phase[] = ['wait', 'fetch', 'pass', 'train', 'labels', 'publish'];
const NAMES: readonly TaskRef['layer'][] = ['labels', 'head', 'network'];
const NUMBERS_PER_SPAN = 9;
/** Times are whole numbers of this many seconds. */
const UNIT = 1e-4;

/** Nine whole numbers a span: node, chapter, layer, phase, start, length, bytes, and what was waited for (or -1, -1). */
export function packSpans(spans: readonly Span[]): number[] {
  const packed: number[] = [];
  for (const { node, task, phase, start, end, bytes, waitedFor } of spans) {
    // A node's fetches of its own outputs are many, take no time and move nothing.
    if (phase === 'fetch' && bytes === 0 && end - start < UNIT) continue;
    const from = Math.round(start / UNIT);
    packed.push(
      node,
      task.chapter,
      codeOf(task.layer),
      PHASES.indexOf(phase),
      from,
      Math.round(end / UNIT) - from,
      bytes,
    );
    packed.push(waitedFor?.chapter ?? -1, waitedFor ? codeOf(waitedFor.layer) : -1);
  }
  return packed;
}

export function unpackSpans(packed: readonly number[]): Span[] {
  const spans: Span[] = [];
  for (let at = 0; at + NUMBERS_PER_SPAN <= packed.length; at += NUMBERS_PER_SPAN) {
    const take = (i: number): number => packed[at + i] as number;
    const start = take(4) * UNIT;
    spans.push({
      node: take(0),
      task: { chapter: take(1), layer: layerOf(take(2)) },
      phase: PHASES[take(3)] as Phase,
      start,
      end: (take(4) + take(5)) * UNIT,
      bytes: take(6),
      ...(take(7) < 0 ? {} : { waitedFor: { chapter: take(7), layer: layerOf(take(8)) } }),
    });
  }
  return spans;
}

function codeOf(layer: TaskRef['layer']): number {
  return typeof layer === 'number' ? layer : -1 - NAMES.indexOf(layer);
}

function layerOf(code: number): TaskRef['layer'] {
  return code >= 0 ? code : (NAMES[-1 - code] as TaskRef['layer']);
}

/**
 * `events` without what later ones replace: progress of tasks that are done, evaluations under way, bounds, and the images of
 * all analyses but the last. The page shows the same for both.
 */
export function thinEvents(events: readonly PageEvent[]): PageEvent[] {
  const newest = new Map<string, number>();
  events.forEach((event, i) => {
    if (event.type === 'task') newest.delete(`progress ${event.node}`);
    const key = replaceable(event);
    if (key !== undefined) newest.set(key, i);
  });
  const kept = new Set(newest.values());
  const lastAnalysis = events.findLastIndex(({ type }) => type === 'analysis');
  return events.flatMap((event, i) => {
    if (replaceable(event) !== undefined && !kept.has(i)) return [];
    if (event.type !== 'analysis' || i === lastAnalysis) return [event];
    const { samples, accuracy, layers } = event.analysis;
    return [{ ...event, analysis: { samples, accuracy, layers } }];
  });
}

function replaceable(event: PageEvent): string | undefined {
  if (event.type === 'progress') return `progress ${event.node}`;
  return event.type === 'evaluating' || event.type === 'bound' || event.type === 'unreadable' ? event.type : undefined;
}
