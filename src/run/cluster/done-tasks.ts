import { isTask, type Task } from '../../schedule/tasks.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';

/** The run's tasks that are published: of those that have records, for a run may claim to have more than can be listed. */
export function doneTasks({ mirror, shape }: Pick<ClusterStore, 'mirror' | 'shape'>): Task[] {
  return [...mirror.all()].flatMap(({ entry }) =>
    entry?.type === 'task' && isTask(shape, entry.task) && mirror.done(entry.task) ? [entry.task] : [],
  );
}
