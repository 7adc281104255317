/**
 * DFF, the distributed baseline of Deng et al. (IEEE PRAI 2023): a server for each layer, full-batch steps, and layers
 * that send their whole outputs on instead of their weights. Its graph, and a simulation on the engine of the others.
 */
import { checkNetwork, freeNetwork, nodeSpeeds } from './costs.js';
import { type Job, type Network, play } from './engine.js';
import { checkCount } from '../schedule/shape.js';
import { type Timeline, type TimelineSummary, summarise } from '../schedule/timeline.js';

export interface DffShape {
  /** [L] units of each layer. */
  readonly units: readonly number[];
  /** Full-batch steps; one is an epoch. */
  readonly steps: number;
  /** Rows of the training data, positive and negative ones counted apart. */
  readonly rows: number;
}

/** One full-batch step of one layer, done by server `layer`. Its output: the activations of all rows. */
export interface DffTask {
  readonly step: number;
  readonly layer: number;
}

/** What `task` needs: the layer's own step before, and the outputs of the layer below in this step. */
export function dffNeeds({ step, layer }: DffTask): DffTask[] {
  const needed: DffTask[] = [];
  if (step > 0) needed.push({ step: step - 1, layer });
  if (layer > 0) needed.push({ step, layer: layer - 1 });
  return needed;
}

/** The tasks of each server, in order. */
export function assignDff(shape: DffShape): DffTask[][] {
  checkCount('layers', shape.units.length);
  checkCount('steps', shape.steps);
  return shape.units.map((_, layer) => Array.from({ length: shape.steps }, (_step, step) => ({ step, layer })));
}

/** [L] bytes that each layer sends on in a step (f32). The last layer's outputs are needed by none: 0. */
export function dffOutputBytes({ units, rows }: Omit<DffShape, 'steps'>): number[] {
  return units.map((width, layer) => (layer + 1 < units.length ? rows * width * Float32Array.BYTES_PER_ELEMENT : 0));
}

export interface DffSimulationInput {
  readonly shape: DffShape;
  /** [L] seconds of one full-batch step of a layer. */
  readonly seconds: readonly number[];
  readonly speeds?: readonly number[];
  readonly network?: Partial<Network>;
}

/** In the timeline a step is a chapter. With equal layers and free transfers it takes steps + L - 1 slots. */
export function simulateDff({ shape, seconds, speeds, network }: DffSimulationInput): {
  readonly timeline: Timeline;
  readonly summary: TimelineSummary;
} {
  const lists = assignDff(shape);
  const links = { ...freeNetwork, ...network };
  checkNetwork(links);
  const nodes = lists.length;
  const speed = nodeSpeeds(nodes, speeds ?? []);
  const bytes = dffOutputBytes(shape);
  const jobs = lists.flat().map((task): Job => ({
    node: task.layer,
    task: { chapter: task.step, layer: task.layer },
    work: [
      {
        phase: 'train',
        seconds: (seconds[task.layer] ?? 0) / (speed[task.layer] ?? 1),
        // A layer's own state never leaves its server, and its order of work brings the step before.
        needs: dffNeeds(task)
          .filter((need) => need.layer !== task.layer)
          .map((need) => need.layer * shape.steps + need.step),
      },
    ],
    gate: null,
    bytes: bytes[task.layer] ?? 0,
  }));
  const { spans } = play(jobs, nodes, nodes === 1 ? null : links);
  const timeline = { nodes, spans };
  return { timeline, summary: summarise(timeline) };
}
