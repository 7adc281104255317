/**
 * A store whose layer states are refused if they have moved too far since this node last had one of the layer: the norm of the
 * difference of the parameters, divided by the norm of what it had (the initial state, before it had any). That finds a state that was
 * blown up or replaced by another node; not one that was turned a little.
 */
import { PffError } from '../errors.js';
import type { LayerState } from '../layers/layer-state.js';
import { taskKey, type Task } from '../schedule/tasks.js';
import type { Output, Store } from '../store/store.js';

export interface BoundedUpdates {
  /** The most that a layer may move between two states that this node sees, in norms of the earlier one. */
  readonly most: number;
  /** The state that a layer begins with. */
  readonly initial: (layer: number) => LayerState;
  /** Lays views of the tensors over an output of the layer. */
  readonly view: (layer: number, output: Output) => LayerState;
}

/**
 * Euclidean norm of the difference of two states' parameters, in norms of the first one's. Not of the moments. A classifier begins
 * with zeros, of which no number of norms is a step: then 0 for any finite difference.
 */
export function relativeUpdate(before: LayerState, after: LayerState): number {
  let [moved, size] = [0, 0];
  for (const [part, { parameters }] of before.parts.entries())
    for (const [at, values] of parameters.entries()) {
      const now = after.parts[part]?.parameters[at];
      for (let i = 0; i < values.length; i++) {
        const value = values[i] as number;
        const change = (now?.[i] ?? Number.NaN) - value;
        moved += change * change;
        size += value * value;
      }
    }
  if (size === 0 && Number.isFinite(moved)) return 0;
  return Math.sqrt(moved) / Math.sqrt(size);
}

export function boundedStore(store: Store, { most, initial, view }: BoundedUpdates): Store {
  const last = new Map<number, { readonly chapter: number; readonly state: LayerState }>();
  const note = (task: Task, output: Output): void => {
    if (task.kind === 'train' && (last.get(task.layer)?.chapter ?? -1) < task.chapter)
      last.set(task.layer, { chapter: task.chapter, state: view(task.layer, output) });
  };
  return {
    isPublished: (task) => store.isPublished(task),
    published: (task, signal) => store.published(task, signal),
    async fetch(task, signal) {
      const output = await store.fetch(task, signal);
      const before = task.kind === 'train' ? last.get(task.layer) : undefined;
      if (task.kind === 'train' && (before?.chapter ?? -1) < task.chapter) {
        const moved = relativeUpdate(before?.state ?? initial(task.layer), view(task.layer, output));
        if (!(moved <= most))
          throw new PffError(
            'cluster',
            `${taskKey(task)} has moved by ${moved.toPrecision(3)} times the norm of what this node had of the layer, but may by ${most} (--max-update)`,
            {
              hint: 'Somebody may have sent a wrong state; look at the accuracy, and raise --max-update if the state is right.',
            },
          );
      }
      note(task, output);
      return output;
    },
    publish(task, output) {
      note(task, output);
      return store.publish(task, output);
    },
  };
}
