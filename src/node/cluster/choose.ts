/**
 * Which task a node of a cluster does next. Only tasks that are ready are chosen, so no node ever stands waiting inside
 * one, and whatever the first unfinished task in the order of the graph needs is there: some node can always go on.
 */
import { ownerOf, type PffVariant } from '../../schedule/assign.js';
import { defaultWindow } from '../../schedule/retention.js';
import type { GraphShape } from '../../schedule/shape.js';
import { taskKey, type Task } from '../../schedule/tasks.js';
import type { Wanted } from '../../schedule/wanted.js';

export interface ChoiceInput {
  readonly shape: GraphShape;
  readonly variant: PffVariant;
  readonly nodes: number;
  readonly wanted: Wanted;
  /** This node's number; tasks of that slot are its own. */
  readonly number: number;
  /** Whether a living node other than this one holds the slot. */
  readonly isOthers: (slot: number) => boolean;
  /** How long (ms) another living node has been at the task; undefined if none is. */
  readonly claimedFor: (task: Task) => number | undefined;
  /** How long (ms) this node has seen the task ready and not taken. */
  readonly readyFor: (task: Task) => number;
  /** Help with a living node's task that nobody took for so long (ms). */
  readonly helpAfterMs: number;
  /** Do a task again that a living node is at for so long (ms): the first result counts. */
  readonly repeatAfterMs: number;
  /** Federated: nobody but a slot's node has its data. */
  readonly onlyOwn: boolean;
  /** Whether this node may not begin a task that is ready. */
  readonly isHeldBack?: ((task: Task) => boolean) | undefined;
}

/** The first ready task, in the order of the graph, that is this node's own, or nobody's, or waits for too long. */
export function chooseTask(input: ChoiceInput): Task | undefined {
  const { shape, variant, nodes, wanted, number } = input;
  const window = defaultWindow(shape, variant, nodes);
  return wanted.ready(window).find((task) => {
    if (input.isHeldBack?.(task)) return false;
    const owner = ownerOf(shape, variant, nodes, task);
    if (input.onlyOwn && owner !== number) return false;
    const claimedFor = input.claimedFor(task);
    if (claimedFor !== undefined) return !input.onlyOwn && claimedFor >= input.repeatAfterMs;
    if (owner === number || !input.isOthers(owner)) return true;
    return input.readyFor(task) >= input.helpAfterMs;
  });
}

/** How long tasks have been seen ready and untaken. */
export class ReadySince {
  readonly #since = new Map<string, number>();

  /** Notes what is ready now, at time `now` (ms). */
  observe(wanted: Wanted, window: number, now: number): void {
    const ready = new Set(wanted.ready(window).map(taskKey));
    for (const key of this.#since.keys()) if (!ready.has(key)) this.#since.delete(key);
    for (const key of ready) if (!this.#since.has(key)) this.#since.set(key, now);
  }

  of(task: Task, now: number): number {
    return now - (this.#since.get(taskKey(task)) ?? now);
  }
}
