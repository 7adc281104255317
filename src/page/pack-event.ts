/** Events of the log as the page gets them: the server's side of page-event.ts, which the browser has no use for. */
import { pathOf } from '../command-line.js';
import type { RunEvent } from '../run/events.js';
import { graphShape } from '../schedule/shape.js';
import { taskCount } from '../schedule/tasks.js';
import type { Span, TaskRef } from '../schedule/timeline.js';
import { isBackprop, type RunSpec } from '../spec/spec.js';
import { pathless } from './pathless.js';
import { LAYER_NAMES, PHASES, UNIT, type PageEvent } from './page-event.js';

/** What stands for folders and files in the command that the page shows. */
function withoutPaths({ dataDir, shardDirs, execution, kernelsReason }: Extract<RunEvent, { type: 'started' }>) {
  const plugins = execution.plugins?.map((url) => pathOf(url).replace(/^.*[/\\]/, ''));
  return {
    folder: undefined,
    kernelsReason: kernelsReason === undefined ? undefined : pathless(kernelsReason),
    dataDir: dataDir === undefined ? undefined : 'DATA',
    shardDirs: shardDirs?.map((_, shard) => `SHARD-${shard + 1}`),
    execution: { ...execution, ...(plugins === undefined ? {} : { plugins }) },
  };
}

/** The event as the page gets it, which is told no path of this machine. `name`: what to call the run. */
export function packEvent(event: RunEvent, name: string): PageEvent {
  switch (event.type) {
    case 'started':
      return { ...event, ...withoutPaths(event), name, tasks: tasksOf(event.spec) };
    case 'resumed':
      return {
        ...event,
        damaged: event.damaged.map(({ file, reason }) => ({ file: pathless(file), reason: pathless(reason) })),
      };
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
    case 'checkpoint-failed':
    case 'node-died':
      return { ...event, reason: pathless(event.reason) };
    case 'notice':
      return { ...event, text: pathless(event.text) };
    default:
      return event;
  }
}

/** Tasks that publish something; backpropagation has one a chapter. */
export function tasksOf(spec: RunSpec): number {
  return isBackprop(spec.objective) ? spec.splits : taskCount(graphShape(spec));
}

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

function codeOf(layer: TaskRef['layer']): number {
  return typeof layer === 'number' ? layer : -1 - LAYER_NAMES.indexOf(layer);
}
