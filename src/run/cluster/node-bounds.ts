/**
 * What a node refuses of what anybody with access can submit, told from the run's record alone: before its data is loaded and
 * anything is allocated for it. What passes is judged again, exactly, when the data is there.
 */
import { labelLayout } from '../../data/labels.js';
import { PffError } from '../../errors.js';
import { stateBytes } from '../../layers/layer-state.js';
import { multiplyAdds } from '../../layers/sizes.js';
import { allStructures, networkStructure } from '../../model/network.js';
import { TaskGivenUp, type TaskExecutor } from '../../node/cluster/task-executor.js';
import { objectiveOf } from '../../objectives/table.js';
import { taskKey } from '../../schedule/tasks.js';
import type { RunSpec } from '../../spec/spec.js';
import type { RunRecord } from '../../store/cluster/run-record.js';

export interface NodeBounds {
  /** Bytes that a run may take of this node's memory; all there is unless given. */
  readonly maxMemory?: number | undefined;
  /** Seconds that one task may take here. */
  readonly maxTaskSeconds?: number | undefined;
  /** Names of the datasets whose runs this node works on; all unless given. */
  readonly datasets?: readonly string[] | undefined;
}

/** More than any machine does, so that nothing is refused that it could do in time. */
const MULTIPLY_ADDS_PER_SECOND = 1e14;

/** Why this node will not begin with the run; undefined where it may. */
export function beyondBounds(record: RunRecord, bounds: NodeBounds): string | undefined {
  const { spec, run } = record;
  const { maxMemory, maxTaskSeconds, datasets } = bounds;
  if (datasets && !datasets.includes(spec.dataset))
    return `run ${run} is on ${spec.dataset}, but this node works on ${datasets.join(', ')} only (--datasets)`;
  const least = leastBytes(record);
  if (maxMemory !== undefined && least > maxMemory)
    return `this run may need for one layer alone ${inGb(least)}, but it may use ${inGb(maxMemory)} (--max-memory)`;
  const seconds = leastTaskSeconds(spec, spec.trainSamples || 1);
  if (maxTaskSeconds !== undefined && seconds > maxTaskSeconds)
    return `a task of run ${run} takes at least ${seconds.toPrecision(2)} s, but may take ${maxTaskSeconds} s here (--max-task-seconds)`;
  return undefined;
}

function inGb(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** A layer in training: its state, and the next one. 0 for a record that contradicts itself, which is told elsewhere. */
function leastBytes({ spec, dataset }: RunRecord): number {
  const image = { width: dataset.imageSize, height: 1, channels: 1 };
  try {
    const network = networkStructure(spec, labelLayout(image, dataset.classes.length, spec.labelMode));
    return 2 * Math.max(...allStructures(network).map(stateBytes));
  } catch (error) {
    if (error instanceof PffError) return 0;
    throw error;
  }
}

/** Forward pass, input gradient and update of the costliest layer, in one chapter, on the fastest machine there could be. */
export function leastTaskSeconds(spec: RunSpec, samples: number): number {
  const perShard = Math.floor(samples / spec.shards);
  const rows = Math.floor((perShard * spec.epochs) / spec.splits) * objectiveOf(spec.objective).variants;
  return (2 * rows * Math.max(...multiplyAdds(spec.layers))) / MULTIPLY_ADDS_PER_SECOND;
}

/** The executor, giving up a task that takes longer. @throws TaskGivenUp from `run` */
export function withinSeconds(executor: TaskExecutor, seconds: number | undefined): TaskExecutor {
  if (seconds === undefined) return executor;
  return {
    reset: () => executor.reset(),
    async run(task) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        const error = new TaskGivenUp(
          'cluster',
          `${taskKey(task)} has taken longer than ${seconds} s (--max-task-seconds)`,
          {
            hint: 'Other nodes may do it; this one leaves the run.',
          },
        );
        timer = setTimeout(() => reject(error), seconds * 1000);
      });
      try {
        await Promise.race([executor.run(task), late]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
