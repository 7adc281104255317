/** The lines that a terminal shows while a run goes on. Who draws them over each other: the CLI. */
import type { RunProgress } from './progress.js';
import { clock, count, percent } from './units.js';

/** Most nodes that have a line of their own. */
const MOST_NODE_LINES = 12;

/** One line where there is one node, else one for all and one for each. `accent` colours the bar. */
export function liveFrame(progress: RunProgress, accent: (text: string) => string): string[] {
  if (progress.evaluated !== undefined) {
    const { done, samples } = progress.evaluated;
    return [`evaluating  ${bar(done / samples, accent)} ${count(done)} of ${count(samples)} images`];
  }
  const speed = progress.samplesPerSecond;
  const overall = [
    `${bar(progress.share, accent)} ${percent(progress.share, 0)}`,
    ...(Number.isFinite(progress.secondsLeft) ? [`${clock(progress.secondsLeft)} left`] : []),
    ...(speed === undefined ? [] : [`${count(speed)} samples/s`]),
    ...(progress.validation === undefined
      ? []
      : [`${percent(progress.validation.accuracy, 1)} right on held-out samples`]),
  ].join('  ');
  if (progress.nodes === 1) return [overall, nodeText(progress, 0)];
  const shown = Math.min(progress.nodes, MOST_NODE_LINES);
  const lines = Array.from({ length: shown }, (_, node) => `node ${node + 1}  ${nodeText(progress, node)}`);
  if (shown < progress.nodes) lines.push(`… and ${progress.nodes - shown} more nodes`);
  return [overall, ...lines];
}

function nodeText(progress: RunProgress, node: number): string {
  const state = progress.node(node);
  if (state === undefined) return 'waiting for its first task';
  const width = String(state.batches).length;
  return `${progress.place(state.task)}  batch ${String(state.batch).padStart(width)}/${state.batches}  ${state.measures}`;
}

function bar(share: number, accent: (text: string) => string, width = 24): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const full = '█'.repeat(Math.floor(eighths / 8));
  const part = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '';
  return accent(full + part) + '·'.repeat(width - full.length - part.length);
}
