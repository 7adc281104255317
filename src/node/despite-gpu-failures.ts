/** A node's tasks on a GPU that may fail: the task is done again there, and at last on the CPU, by another executor. */
import type { KernelsChoice } from '../kernels/choices.js';
import type { Task } from '../schedule/tasks.js';
import type { ClosableExecutor } from './cluster/take-part.js';
import { GpuFailures } from './gpu-failures.js';

/** @param open of an executor with such kernels. @param say one line for the person who watches the node */
export function despiteGpuFailures<K extends KernelsChoice>(
  kernels: K,
  open: (kernels: K | 'auto') => ClosableExecutor,
  say: (line: string) => void,
): ClosableExecutor {
  const failures = new GpuFailures();
  let choice: K | 'auto' = kernels;
  let executor = open(choice);
  const run = async (task: Task): Promise<void> => {
    for (;;) {
      try {
        return await executor.run(task);
      } catch (error) {
        const next = failures.after(error, choice);
        if (next === undefined) throw error;
        say(`${next.reason}; the task is done again`);
        if (next.kernels === choice) await executor.reset();
        else {
          await executor.close();
          choice = 'auto';
          executor = open(choice);
        }
      }
    }
  };
  return { run, reset: () => executor.reset(), close: () => executor.close() };
}
