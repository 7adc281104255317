/** What the tasks of a run cost, drawn from its spans: the input for a simulation of the same run, or of another. */
import type { Costs } from '../schedule/costs.js';
import type { GraphShape } from '../schedule/shape.js';
import type { Span } from '../schedule/timeline.js';

/** Seconds of computing by kind; `stateBytes` and `labelBytes` are those of the published outputs. */
export function measuredCosts(shape: GraphShape, spans: readonly Span[]): Costs {
  const samples = collectSamples(shape, spans);
  const stateBytes = Array.from({ length: shape.layers + (shape.head ? 1 : 0) }, () => 0);
  let labelBytes = 0;
  for (const { phase, task, bytes } of spans) {
    if (phase !== 'publish') continue;
    if (task.layer === 'labels') labelBytes = bytes;
    else stateBytes[typeof task.layer === 'number' ? task.layer : shape.layers] = bytes;
  }
  return {
    train: samples.train.map(median),
    pass: samples.pass.map(median),
    head: median(samples.head),
    labels: median(samples.labels),
    stateBytes,
    labelBytes,
  };
}

/** Seconds of every piece of work of a run, sorted by what it was. */
interface CostSamples {
  /** [L] */
  readonly train: readonly number[][];
  /** [L]; the last is empty, as nothing is passed through it. */
  readonly pass: readonly number[][];
  readonly head: number[];
  readonly labels: number[];
}

function collectSamples(shape: GraphShape, spans: readonly Span[]): CostSamples {
  const perLayer = (): number[][] => Array.from({ length: shape.layers }, () => []);
  const samples = { train: perLayer(), pass: perLayer(), head: [] as number[], labels: [] as number[] };
  const passes = new Map<string, number[]>();
  for (const { task, phase, start, end } of spans) {
    const seconds = end - start;
    if (phase === 'labels') samples.labels.push(seconds);
    else if (phase === 'train')
      (typeof task.layer === 'number' ? samples.train[task.layer] : samples.head)?.push(seconds);
    else if (phase === 'pass') {
      const key = `${task.chapter}:${task.layer}`;
      passes.set(key, [...(passes.get(key) ?? []), seconds]);
    }
  }
  // The passes of a task lead up to its layer: the last one is through the layer just below.
  for (const [key, own] of passes) {
    const layer = Number(key.split(':')[1]);
    own.forEach((seconds, i) => samples.pass[layer - own.length + i]?.push(seconds));
  }
  return samples;
}

/** 0 of nothing. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
