/** What keeps a simulated run from N times the speed of one node, in words. */
import { nodeSpeeds } from './costs.js';
import { trainedLayers } from '../schedule/shape.js';
import { type Simulated, type SimulationInput, simulate } from './simulate.js';

export type LimitReason =
  /** Within 3 % of perfect. */
  | 'none'
  /** Nodes that have no task at all. */
  | 'idle-nodes'
  /** The chain of a layer through the chapters. */
  | 'dependency'
  /** Nodes with unequal work: the one with most sets the pace. */
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

type Words = Omit<Limit, 'seconds'>;

/** A makespan so much longer than with free transfers is the network's fault, whatever else there is. */
const networkShare = 0.1;
/** Within this share of perfect nothing is called a limit. */
const nearlyPerfect = 0.03;

/**
 * The largest part of makespan - perfect, where perfect is the work of one node shared out over all speeds. The parts:
 * passes that one node need not do, the steady state of the pipeline (what a run of twice the chapters takes longer),
 * its filling and draining, the network.
 */
export function limitOf(input: SimulationInput): Limit {
  const { shape, nodes } = input;
  const speeds = nodeSpeeds(nodes, input.speeds ?? []);
  const total = speeds.reduce((sum, speed) => sum + speed, 0);
  const workOf = (run: Simulated): number =>
    run.summary.nodes.reduce((sum, { busy, node }) => sum + busy * (speeds[node] ?? 1), 0) / total;

  const { makespan } = simulate(input).summary;
  const free = { ...input, speeds, network: {} };
  const bound = simulate(free);
  const perfect = workOf(simulate({ ...free, nodes: 1 }));
  if (makespan <= perfect * (1 + nearlyPerfect))
    return { reason: 'none', text: 'none: within 3 % of perfect', seconds: makespan - perfect };

  const network: Limit = {
    reason: 'network',
    text: 'network: transfers take longer than the work that could hide them',
    seconds: makespan - bound.summary.makespan,
  };
  if (network.seconds > networkShare * bound.summary.makespan) return network;

  const work = workOf(bound);
  const steady = steadyState(free);
  const even = speeds.map(() => total / nodes);
  const steadyEven = even.every((speed, node) => speed === speeds[node])
    ? steady
    : steadyState({ ...free, speeds: even });
  const parts: Limit[] = [
    { ...steadyLimit(free, bound, steady), seconds: Math.min(steady, steadyEven) - work },
    {
      reason: 'speeds',
      text: `unequal nodes: the slowest has speed ${Math.min(...speeds)}`,
      seconds: steady - steadyEven,
    },
    {
      reason: 'chapters',
      text: `too few chapters: ${shape.splits} for ${nodes} nodes to fill and drain the pipeline`,
      seconds: bound.summary.makespan - steady,
    },
    {
      reason: 'passes',
      text: 'nodes pass the data through layers that they do not train',
      seconds: work - perfect,
    },
    network,
  ];
  return parts.reduce((worst, part) => (part.seconds > worst.seconds ? part : worst));
}

/** Seconds that as many chapters again would take. */
function steadyState(free: SimulationInput): number {
  const twice = { ...free, shape: { ...free.shape, splits: 2 * free.shape.splits } };
  return simulate(twice).summary.makespan - simulate(free).summary.makespan;
}

/** Why nodes stand still in the middle of a run with free transfers. */
function steadyLimit(free: SimulationInput, bound: Simulated, steady: number): Words {
  const { shape, variant, nodes } = free;
  const layers = trainedLayers(shape);
  if (variant === 'sequential') return { reason: 'idle-nodes', text: 'sequential: one node does everything' };
  if (shape.predictedLabels !== 'none') {
    const longer = { ...shape, labelLag: shape.labelLag + nodes + layers };
    if (steadyState({ ...free, shape: longer }) < steady * (1 - nearlyPerfect))
      return {
        reason: 'labels',
        text: `labels(c) needs the layers of chapter c - ${shape.labelLag}: a longer label lag would help`,
      };
  }
  if (variant === 'single-layer') return singleLayerLimit(bound, nodes, layers);
  if (nodes > layers) return { reason: 'dependency', text: `dependency (c-1, l): more nodes than layers (${layers})` };
  if (nodes > shape.splits)
    return { reason: 'idle-nodes', text: `more nodes than chapters: ${nodes - shape.splits} of ${nodes} have none` };
  return { reason: 'dependency', text: 'dependency (c-1, l): the longest layer sets the pace' };
}

function singleLayerLimit(bound: Simulated, nodes: number, layers: number): Words {
  if (nodes > layers)
    return { reason: 'idle-nodes', text: `more nodes than layers: ${nodes - layers} of ${nodes} have none` };
  if (layers % nodes > 0)
    return {
      reason: 'unequal',
      text: `unequal blocks: ${layers} layers on ${nodes} nodes, up to ${Math.ceil(layers / nodes)} on one`,
    };
  const { node } = bound.summary.nodes.reduce((most, one) => (one.busy > most.busy ? one : most));
  return { reason: 'unequal', text: `unequal work: node ${node + 1} has most to train and to pass` };
}
