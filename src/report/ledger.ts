/** Where the nodes' time went: for each node computing, waiting and bytes, and what kept the run from full use. */
import type { IdleReason, TimelineSummary } from '../schedule/timeline.js';
import { tableLines } from './table.js';
import { bytes, duration, percent } from './units.js';

/** Idle reasons in words. */
export const WHY: Readonly<Record<IdleReason, string>> = {
  fill: 'the pipeline filling',
  'layer-below': 'waiting for the layer below',
  'chapter-before': 'waiting for the chapter before',
  labels: 'waiting for negative labels',
  window: 'held back, not to run too far ahead',
  network: 'outputs on their way',
  other: 'overhead',
  drain: 'the pipeline draining',
  'no-task': 'nodes without a task',
};

/** A table of the nodes, and the reasons for idle time, largest first. */
export function ledgerLines({ makespan, nodes, idle }: TimelineSummary): string[] {
  const rows = nodes.map(({ node, busy, bytesIn, bytesOut }) => [
    String(node + 1),
    duration(busy),
    percent(makespan > 0 ? busy / makespan : 0, 1),
    bytes(bytesIn),
    bytes(bytesOut),
  ]);
  const columns = ['node', 'computing', 'of the time', 'fetched', 'published'].map((title) => ({ title }));
  const total = nodes.length * makespan;
  const reasons = idle
    .filter(({ seconds }) => seconds > 0.001 * total)
    .map(({ reason, seconds }) => `${WHY[reason]} ${percent(seconds / total, 1)}`);
  return [...tableLines(columns, rows), ...(reasons.length > 0 ? [`not computing: ${reasons.join(', ')}`] : [])];
}
