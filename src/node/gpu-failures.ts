/** What is done where a GPU fails in the middle of a task: the task again, on the GPU opened anew, and at last on the CPU. */
import { messageOf, PffError } from '../errors.js';
import { isOnGpu, type KernelsChoice } from '../kernels/choices.js';
import { GpuFailure } from '../kernels/gpu-failure.js';

/** With this many failures a GPU is given up. */
const MOST_FAILURES = 3;

/** Where to go on, and what to say of it. */
export interface GoingOn {
  readonly kernels: KernelsChoice;
  readonly reason: string;
}

/** The failures of one node's GPU. */
export class GpuFailures {
  count = 0;

  /** Where the work that failed is to be done again; undefined where no GPU is to blame. */
  after(error: unknown, choice: KernelsChoice): GoingOn | undefined {
    if (!isOnGpu(choice)) return undefined;
    const failed = error instanceof GpuFailure;
    // After a failure it may be that it cannot be opened any more.
    const isGone = this.count > 0 && error instanceof PffError && error.code === 'kernels';
    if (!failed && !isGone) return undefined;
    this.count += 1;
    if (failed && this.count < MOST_FAILURES) return { kernels: choice, reason: messageOf(error) };
    return { kernels: 'auto', reason: `${messageOf(error)}; the CPU takes its place` };
  }
}
