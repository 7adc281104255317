/** What keeps a simulated run from N times the speed of one node, in words. */
import { trainedLayers } from './shape.js';
import { type Simulated, type SimulationInput, simulate } from './simulate.js';
import { nodeSpeeds } from './costs.js';
import type { IdleReason } from './timeline.js';

export type LimitReason =
  /** Within 3 % of perfect. */
  | 'none'
  /** Nodes that have no task at all. */
  | 'idle-nodes'
  /** The chain of a layer through the chapters. */
  | 'dependency'
  /** Layers or blocks of unequal length: the longest sets the pace. */
  | 'unequal'
  /** Nodes of unequal speed: the slowest sets the pace. */
  | 'speeds'
  /** Predicted labels. */
  | 'labels'
  /** Filling and draining the pipeline. */
  | 'chapters'
  /** Nodes that rebuild inputs by passing the data through layers they do not train. */
  | 'passes'
  | 'network';

export interface Limit {
  readonly reason: LimitReason;
  readonly text: string;
  /** Seconds of the makespan lost to it. */
  readonly seconds: number;
}

/**
 * The largest part of makespan - perfect, where perfect is the work of one node shared out over all speeds:
 * passes that one node need not do, the steady state of the pipeline, its filling and draining, the network. The steady
 * state is what a run of twice the chapters takes longer.
 */
export function limitOf(input: SimulationInput): Limit {
  const { shape, nodes } = input;
  const speeds = nodeSpeeds(nodes, input.speeds ?? []);
  const total = speeds.reduce((sum, speed) => sum + speed, 0);
  const even = speeds.map(() => total / nodes);
  const workOf = (run: Simulated): number =>
    run.summary.nodes.reduce((sum, { busy, node }) => sum + busy * (speeds[node] ?? 1), 0) / total;
  const free = { ...input, speeds, network: {} };
  const twice = { ...free, shape: { ...shape, splits: 2 * shape.splits } };

  const { makespan } = simulate(input).summary;
  const bound = simulate(free);
  const perfect = workOf(simulate({ ...free, nodes: 1 }));
  const work = workOf(bound);
  const steady = simulate(twice).summary.makespan - bound.summary.makespan;
  const steadyEven =
    simulate({ ...twice, speeds: even }).summary.makespan - simulate({ ...free, speeds: even }).summary.makespan;

  const parts: Limit[] = [
    { ...steadyLimit(input, bound), seconds: Math.min(steady, steadyEven) - work },
    {
      reason: 'speeds',
      text: `unequal nodes: the slowest has speed ${Math.min(...speeds)}`,
      seconds: steady - steadyEven,
    },
    {
      reason: 'chapters',
      text: `too few chapters: ${shape.splits} for a pipeline of ${nodes} nodes to fill and drain`,
      seconds: bound.summary.makespan - steady,
    },
    { reason: 'passes', text: 'nodes pass the data through layers that they do not train', seconds: work - perfect },
    {
      reason: 'network',
      text: 'network: transfers take longer than the work they could hide behind',
      seconds: makespan - bound.summary.makespan,
    },
  ];
  const worst = parts.reduce((a, b) => (b.seconds > a.seconds ? b : a));
  if (makespan <= perfect * 1.03)
    return { reason: 'none', text: 'none: within 3 % of perfect', seconds: makespan - perfect };
  return worst;
}

/** Why nodes stand still in the middle of a run with free transfers. */
function steadyLimit({ shape, variant, nodes }: SimulationInput, bound: Simulated): Omit<Limit, 'seconds'> {
  const layers = trainedLayers(shape);
  const idle = (...reasons: IdleReason[]): number =>
    bound.summary.idle.reduce((sum, { reason, seconds }) => sum + (reasons.includes(reason) ? seconds : 0), 0);
  const useful = { sequential: 1, 'single-layer': layers, 'all-layers': shape.splits, federated: shape.splits }[
    variant
  ];
  const unequal: Omit<Limit, 'seconds'> = { reason: 'unequal', text: 'unequal layers: the longest sets the pace' };

  const labels = idle('labels');
  const waits = idle('layer-below', 'chapter-before', 'window');
  if (labels > waits && labels > idle('no-task'))
    return {
      reason: 'labels',
      text: `labels(c) needs the layers of chapter c - ${shape.labelLag}: a larger lag would help`,
    };
  if (variant === 'sequential') return { reason: 'idle-nodes', text: 'sequential: one node does everything' };
  if (variant === 'single-layer') {
    if (nodes > layers)
      return { reason: 'idle-nodes', text: `more nodes than layers: ${nodes - layers} of ${nodes} have none` };
    if (layers % nodes > 0)
      return {
        reason: 'unequal',
        text: `unequal blocks: ${layers} layers on ${nodes} nodes, up to ${Math.ceil(layers / nodes)} on one`,
      };
    return unequal;
  }
  if (nodes > useful && nodes <= layers)
    return { reason: 'idle-nodes', text: `more nodes than chapters: ${nodes - useful} of ${nodes} have none` };
  if (nodes > layers) return { reason: 'dependency', text: `dependency (c-1, l): more nodes than layers (${layers})` };
  return { reason: 'dependency', text: 'dependency (c-1, l): the longest layer sets the pace' };
}
