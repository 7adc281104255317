/** The run itself failed, for everybody: what is no fault of the node that found it. */
import { PffError } from '../../errors.js';
import type { FailureRecord } from '../../store/cluster/records.js';

export class RunFailed extends PffError {
  constructor({ code, message, hint }: Pick<FailureRecord['error'], 'code' | 'message' | 'hint'>) {
    super(code, message, hint === undefined ? {} : { hint });
  }
}

/** Whether an error while a task was done is the run's fault: arithmetic is the same for everybody. */
export function isRunsFault(error: unknown): error is PffError {
  return error instanceof PffError && error.code === 'training';
}
