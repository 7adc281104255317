/** Simulates a run on the same assignment and steps that real nodes follow. */
import { type PffVariant, assign } from '../schedule/assign.js';
import { type Costs, checkCosts, checkNetwork, freeNetwork, nodeSpeeds } from './costs.js';
import { type Job, type Network, play } from './engine.js';
import { Retention, defaultWindow, gateOf } from '../schedule/retention.js';
import { type GraphShape } from '../schedule/shape.js';
import { takesOver } from '../schedule/relay.js';
import { type Held, type Step, stepsOf } from '../schedule/steps.js';
import { type Task, isHead, taskKey } from '../schedule/tasks.js';
import { type Timeline, type TimelineSummary, refOf, summarise } from '../schedule/timeline.js';

export interface SimulationInput {
  readonly shape: GraphShape;
  readonly variant: PffVariant;
  readonly nodes: number;
  readonly costs: Costs;
  /** How fast each node is, 1 being the machine of the costs; 1 for nodes not named. */
  readonly speeds?: readonly number[];
  /** Default: transfers cost no time, and overlap with computing. */
  readonly network?: Partial<Network>;
  /** The nodes share memory: those of Single-Layer hand on layer inputs to each other. */
  readonly sharedMemory?: boolean;
  /** How many chapters may be under way at once; default `defaultWindow`. */
  readonly window?: number;
}

export interface Simulated {
  readonly timeline: Timeline;
  readonly summary: TimelineSummary;
  /** Most bytes that the store holds at any time. */
  readonly peakStoreBytes: number;
}

/** @throws PffError `usage` where shape, costs, speeds or network are not such. */
export function simulate(input: SimulationInput): Simulated {
  const { shape, costs, nodes } = input;
  const lists = assign(shape, input.variant, nodes);
  checkCosts(shape, costs);
  const network = { ...freeNetwork, ...input.network };
  checkNetwork(network);
  const tasks = lists.flat();
  const jobs = jobsOf(input, lists);
  // A lone node keeps its outputs to itself.
  const alone = lists.filter((list) => list.length > 0).length === 1;
  const { spans, published } = play(jobs, nodes, alone ? null : network);
  const timeline = { nodes, spans };
  return { timeline, summary: summarise(timeline), peakStoreBytes: peakOf(shape, costs, tasks, published) };
}

function jobsOf(
  { shape, variant, nodes, costs, speeds, sharedMemory, window }: SimulationInput,
  lists: readonly Task[][],
): Job[] {
  const speed = nodeSpeeds(nodes, speeds ?? []);
  const limit = window ?? defaultWindow(shape, variant, nodes);
  const indices = new Map(lists.flat().map((task, index) => [taskKey(task), index]));
  const indexOf = (task: Task): number => indices.get(taskKey(task)) ?? -1;
  return lists.flatMap((list, node) => {
    let held: Held = null;
    return list.map((task) => {
      if (sharedMemory && takesOver(shape, { variant, nodes }, task))
        held = { chapter: task.chapter, layer: task.layer - 1 };
      const { steps, held: after } = stepsOf(shape, task, held);
      held = after;
      const gate = gateOf(shape, task, limit);
      return {
        node,
        task: refOf(shape, task),
        work: steps.map((step) => ({
          phase: step.work === 'head' ? ('train' as const) : step.work,
          seconds: secondsOf(shape, costs, task, step) / (speed[node] ?? 1),
          needs: step.needs.map(indexOf),
        })),
        gate: gate === null ? null : indexOf(gate),
        bytes: bytesOf(costs, task),
      };
    });
  });
}

function secondsOf(shape: GraphShape, costs: Costs, task: Task, step: Step): number {
  if (step.work === 'pass') return costs.pass[step.layer] ?? 0;
  if (task.kind === 'labels') return costs.labels;
  return isHead(shape, task) ? costs.head : (costs.train[task.layer] ?? 0);
}

/** Bytes of a task's output. */
export function bytesOf(costs: Costs, task: Task): number {
  return task.kind === 'labels' ? costs.labelBytes : (costs.stateBytes[task.layer] ?? 0);
}

function peakOf(shape: GraphShape, costs: Costs, tasks: readonly Task[], published: readonly number[]): number {
  const order = tasks.map((task, index) => ({ task, index, time: published[index] ?? 0 }));
  const retention = new Retention(shape);
  let kept = 0;
  let peak = 0;
  for (const { task } of order.toSorted((a, b) => a.time - b.time || a.index - b.index)) {
    kept += bytesOf(costs, task);
    peak = Math.max(peak, kept);
    for (const dropped of retention.publish(task)) kept -= bytesOf(costs, dropped);
  }
  return peak;
}
