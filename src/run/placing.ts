/** Places the work of a run on threads by the speed that its nodes measure, where some of them have a GPU. */
import { multiplyAdds } from '../layers/sizes.js';
import type { Job } from '../node/job.js';
import type { Placed } from '../node/threads/worker.js';
import type { Placement } from '../schedule/assign.js';
import { placeBySpeed } from '../schedule/placement.js';
import { layerCount } from '../spec/spec.js';
import type { Execution } from './options.js';

/** Undefined where all nodes are alike, or where the schedule leaves no choice. @param tell what was decided, in words */
export function placingOf(job: Job, execution: Execution, tell: (text: string) => void): Placing | undefined {
  const chooses = job.variant === 'all-layers' || job.variant === 'single-layer';
  if (execution.gpus === undefined || !chooses || layerCount(job.spec) < 2) return undefined;
  // A classifier is a small layer more.
  const costs = [...multiplyAdds(job.spec.layers), ...(job.spec.classifier === 'softmax' ? [0] : [])];
  return new Placing(execution.nodes, (speeds) => {
    const placement = placeBySpeed(job.variant, speeds, costs);
    tell(describePlacement(speeds, placement));
    return { nodes: placement?.length ?? job.nodes, placement };
  });
}

export class Placing {
  readonly #speeds: (number | undefined)[];
  readonly #decided: Promise<Placed>;
  #decide: (placed: Placed) => void = () => {};
  readonly #place: (speeds: readonly number[]) => Placed;
  #isDecided = false;

  constructor(nodes: number, place: (speeds: readonly number[]) => Placed) {
    this.#speeds = Array.from({ length: nodes });
    this.#place = place;
    this.#decided = new Promise((resolve) => {
      this.#decide = resolve;
    });
  }

  /** Notes a node's speed, in steps a second; resolves once all are known. One that comes later, in place of another, gets what was decided. */
  measured(node: number, speed: number): Promise<Placed> {
    this.#speeds[node] = speed;
    const speeds = this.#speeds.filter((each) => each !== undefined);
    if (!this.#isDecided && speeds.length === this.#speeds.length) {
      this.#isDecided = true;
      this.#decide(this.#place(speeds));
    }
    return this.#decided;
  }
}

function describePlacement(speeds: readonly number[], placement: Placement | undefined): string {
  const rates = speeds
    .map((speed, node) => `node ${node + 1} ${speed < 10 ? speed.toFixed(1) : Math.round(speed)}`)
    .join(', ');
  const idle = placement && speeds.map((_, node) => node).filter((node) => !placement.includes(node));
  const how =
    placement === undefined
      ? 'all have the same share'
      : idle && idle.length > 0
        ? `${idle.map((node) => `node ${node + 1}`).join(' and ')} would only slow the others down, and gets nothing to do`
        : 'layers are shared out by that';
  return `steps a second: ${rates}; ${how}`;
}
