/** What the tasks of a run cost, drawn from its spans: the input for a simulation of the same run, or of another. */
import type { Costs } from '../simulate/costs.js';
import type { GraphShape } from '../schedule/shape.js';
import type { Span } from '../schedule/timeline.js';

/**
 * Seconds of computing by kind; `stateBytes` and `labelBytes` are those of the published outputs. Means, not medians: a run
 * takes as long as its tasks do together, the slow ones included.
 */
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
    train: samples.train.map(mean),
    pass: samples.pass.map(mean),
    head: mean(samples.head),
    labels: mean(samples.labels),
    stateBytes,
    labelBytes,
  };
}

/** Seconds of every piece of work of a run, by what it was. */
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
function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
