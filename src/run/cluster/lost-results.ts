/** A run that is over, whose results its server has lost: every node has left it, so nobody computes them again. */
import { PffError } from '../../errors.js';
import { results } from '../../schedule/tasks.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import type { RunRecord } from '../../store/cluster/run-record.js';

/** Whether the records of a finished run lack a result. */
export function lacksResults({ state }: RunRecord, { mirror, shape }: Pick<ClusterStore, 'mirror' | 'shape'>): boolean {
  return state === 'finished' && mirror.settled && results(shape).some((task) => !mirror.done(task));
}

export function resultsLost({ run, storage }: RunRecord, cause?: unknown): PffError {
  const where = storage === 'memory' ? ', which were in memory (--storage memory)' : '';
  return new PffError('cluster', `run ${run} is finished, but the server has lost its layers${where}`, {
    hint: 'Submit it again under another --run: the same spec, data and program give the same model.',
    cause,
  });
}
