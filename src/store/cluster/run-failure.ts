/** Why a run itself cannot be done, if somebody says so: read, believed only where it can be true, and told. */
import type { GraphShape } from '../../schedule/shape.js';
import { isTask, parseTaskKey } from '../../schedule/tasks.js';
import type { RecordTable } from './record-table.js';
import { keys, type FailureRecord } from './records.js';

/** A false record may be written again while it is replaced. */
const MOST_TRIES = 10;

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

/** Tells everybody, over a record that cannot be true. @param told whether a failure that can be true is told already */
export async function tellFailure(records: RecordTable, record: FailureRecord, told: () => boolean): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES && !told(); tries++)
    if (!(await records.swap(keys.failed, record, records.mirror.get(keys.failed)?.revision ?? 0)))
      await records.read(keys.failed);
}
