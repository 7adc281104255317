/** A run's timeline as a Chrome trace, which Perfetto (ui.perfetto.dev) and chrome://tracing open: from its event log. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { messageOf, PffError } from '../errors.js';
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
  let text: string;
  try {
    text = statSync(run).isDirectory() ? readFileSync(file, 'utf8') : '';
    if (text === '') throw new Error('it is no run folder with a log of events');
  } catch (error) {
    throw new PffError('files', `cannot read the events of ${run}: ${messageOf(error)}`, {
      hint: 'Give the folder that pff train made.',
      cause: error,
    });
  }
  const parts: Span[][] = [];
  // A last line that is cut short belongs to a run that was killed.
  for (const line of text.slice(0, text.lastIndexOf('\n')).split('\n')) {
    const event = JSON.parse(line) as { readonly type: string; readonly spans?: readonly Span[] };
    if (event.type === 'started') parts.push([]);
    if (event.type === 'task-finished') parts.at(-1)?.push(...(event.spans ?? []));
  }
  return { traceEvents: parts.flatMap((spans, i) => traceEvents(spans, i + 1)) };
}

function nameOf({ chapter, layer }: Span['task']): string {
  return `c${chapter + 1} ${typeof layer === 'number' ? `layer ${layer + 1}` : layer}`;
}
