/** Why a run itself cannot be done, if somebody says so: believed only where it can be true. */
import type { GraphShape } from '../../schedule/shape.js';
import { isTask, parseTaskKey } from '../../schedule/tasks.js';
import type { RecordTable } from './record-table.js';
import { keys, type FailureRecord } from './records.js';

/** @param fits this process has found that spec and data fit each other, so it need not believe who says that they do not */
export function runFailure(
  { mirror }: RecordTable,
  { shape, fits }: { readonly shape: GraphShape; readonly fits?: boolean | undefined },
): FailureRecord | undefined {
  const entry = mirror.get(keys.failed)?.entry;
  if (entry?.type !== 'failed') return undefined;
  const { record } = entry;
  if (record.error.code !== 'training') return fits ? undefined : record;
  const task = record.task === undefined ? undefined : parseTaskKey(record.task);
  return task && isTask(shape, task) && !mirror.done(task) ? record : undefined;
}
