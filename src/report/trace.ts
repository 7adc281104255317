/** A run's timeline as a Chrome trace, which Perfetto (ui.perfetto.dev) and chrome://tracing open: from its event log. */
import path from 'node:path';
import { messageOf, PffError } from '../errors.js';
import { eachLine, parseEvent } from '../run/log-lines.js';
import type { Span } from '../schedule/timeline.js';

/** One complete event (`ph` X), or the name of a thread (`ph` M); times in microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'M';
  readonly pid: number;
  readonly tid: number;
  readonly cat?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly args: Readonly<Record<string, string | number>>;
}

/** `spans` as trace events: a thread for each node's computing, and one for its transfers, which may overlap with it. */
export function traceEvents(spans: readonly Span[], process = 1): TraceEvent[] {
  const threads = new Map<number, string>();
  const events = spans.map((span): TraceEvent => {
    const transfer = span.phase === 'fetch' || span.phase === 'publish';
    const tid = 2 * span.node + (transfer ? 2 : 1);
    threads.set(tid, `node ${span.node + 1}${transfer ? ' transfers' : ''}`);
    return {
      name: `${span.phase} ${nameOf(span.task)}`,
      ph: 'X',
      cat: span.phase,
      pid: process,
      tid,
      ts: span.start * 1e6,
      dur: (span.end - span.start) * 1e6,
      args: {
        chapter: span.task.chapter + 1,
        ...(span.bytes > 0 ? { bytes: span.bytes } : {}),
        ...(span.waitedFor ? { waitedFor: nameOf(span.waitedFor) } : {}),
      },
    };
  });
  const names = [...threads].map(([tid, name]): TraceEvent => ({
    name: 'thread_name',
    ph: 'M',
    pid: process,
    tid,
    args: { name },
  }));
  return [...names, ...events];
}

/** The trace of the run in folder `run`; each time that it was resumed is a process of its own. @throws PffError `files` */
export function traceOfRun(run: string): { readonly traceEvents: TraceEvent[] } {
  const file = path.join(run, 'events.jsonl');
  const parts: Span[][] = [];
  try {
    // Lines that are no events, such as one that a killed process left glued to the next, are passed over.
    eachLine(file, 0, (line) => {
      const event = parseEvent(line);
      if (event?.type === 'started') parts.push([]);
      if (event?.type === 'task-finished') for (const span of event.spans) parts.at(-1)?.push(span);
    });
    if (parts.length === 0) throw new Error('it tells of no run');
  } catch (error) {
    throw new PffError('files', `cannot read the events of ${run}: ${messageOf(error)}`, {
      hint: 'Give the folder that pff train made.',
      cause: error,
    });
  }
  return { traceEvents: parts.flatMap((spans, i) => traceEvents(spans, i + 1)) };
}

function nameOf({ chapter, layer }: Span['task']): string {
  return `c${chapter + 1} ${typeof layer === 'number' ? `layer ${layer + 1}` : layer}`;
}
