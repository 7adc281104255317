/**
 * What the page is told of a run: the events of its log in a form that is small enough to send and to keep in a file. The
 * same for a live run, a finished one and a report. Plain JSON; runs in a browser.
 */
import type { NetworkAnalysis } from '../model/analysis/analysis.js';
import type { RunEvent, RunResult } from '../run/events.js';
import type { Phase, Span, TaskRef } from '../schedule/timeline.js';

type Images = 'receptiveFields' | 'featureMaps' | 'confused';

/** An analysis whose images may be left out, because a later one has them. */
export type PageAnalysis = Omit<NetworkAnalysis, Images> & Partial<Pick<NetworkAnalysis, Images>>;

type Unchanged = Extract<
  RunEvent,
  { type: 'checkpoint-failed' | 'node-died' | 'notice' | 'audits' | 'evaluating' | 'interrupted' | 'validation' }
>;

/** What a node's tasks took and moved, in seconds and bytes, and when the last of them ended. */
export interface NodeSums {
  node: number;
  tasks: number;
  samples: number;
  busy: number;
  waiting: number;
  fetching: number;
  publishing: number;
  bytesIn: number;
  bytesOut: number;
  end: number;
}

/** Adds what all but the number of the node and the end come to. */
export function addSums(to: Omit<NodeSums, 'node' | 'end'>, more: Omit<NodeSums, 'node' | 'end'>): void {
  to.tasks += more.tasks;
  to.samples += more.samples;
  to.busy += more.busy;
  to.waiting += more.waiting;
  to.fetching += more.fetching;
  to.publishing += more.publishing;
  to.bytesIn += more.bytesIn;
  to.bytesOut += more.bytesOut;
}

export function emptySums(node: number): NodeSums {
  return {
    node,
    tasks: 0,
    samples: 0,
    busy: 0,
    waiting: 0,
    fetching: 0,
    publishing: 0,
    bytesIn: 0,
    bytesOut: 0,
    end: 0,
  };
}

export type PageEvent =
  | Unchanged
  | (Extract<RunEvent, { type: 'resumed' }> & {
      /** How many more tasks were done, of chapters that are not drawn. */ readonly more?: number | undefined;
    })
  /** Tasks of chapters that are not drawn, by node. */
  | { readonly type: 'counted'; readonly nodes: readonly NodeSums[] }
  | (Extract<RunEvent, { type: 'started' }> & {
      readonly name: string;
      /** How many tasks the run has. */ readonly tasks: number;
    })
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
      /** See `packSpans` in pack-event.ts. */
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

/** Numbers of phases, and of layers that are none: -1, -2, -3. */
export const PHASES: readonly Phase[] = ['wait', 'fetch', 'pass', 'train', 'labels', 'publish'];
export const LAYER_NAMES: readonly TaskRef['layer'][] = ['labels', 'head', 'network'];
const NUMBERS_PER_SPAN = 9;
/** Times are whole numbers of this many seconds. */
export const UNIT = 1e-4;

/** What `packSpans` packed (pack-event.ts). */
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

function layerOf(code: number): TaskRef['layer'] {
  return code >= 0 ? code : (LAYER_NAMES[-1 - code] as TaskRef['layer']);
}
