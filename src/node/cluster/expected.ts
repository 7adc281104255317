/** What can be known of a run's outputs before they are there: their sizes, steps, and which labels are possible. */
import { labelBytes, labelsIn } from '../../data/label-array.js';
import { labelLayout } from '../../data/labels.js';
import { chapterPlan } from '../../model/chapter.js';
import { stateBytes } from '../../layers/layer-state.js';
import { allStructures, networkStructure } from '../../model/network.js';
import { wireBytes } from '../../model/wire.js';
import type { PreparedData } from '../prepare.js';
import type { Site } from '../job.js';
import { SEAL_BYTES, sealedWith } from './private-labels.js';
import { MOST_CHAPTER_BATCHES } from '../../schedule/bounds.js';
import { PffError } from '../../errors.js';
import type { LabelsTask, Task } from '../../schedule/tasks.js';
import type { RunSpec } from '../../spec/spec.js';
import type { Expected } from '../../store/cluster/cluster-store-options.js';
import { runContext, type RunRecord } from '../../store/cluster/run-record.js';

/** Steps that any layer has taken after chapters 0, 1, … [splits]: the batches of their plans (model/chapter.ts). */
export function stepsAfter({ epochs, batch, splits }: RunSpec, shardSizes: readonly number[]): Float64Array {
  let steps = 0;
  return Float64Array.from({ length: splits }, (_, chapter) => {
    const total = epochs * Math.ceil((shardSizes[chapter % shardSizes.length] as number) / batch);
    steps += Math.floor(((chapter + 1) * total) / splits) - Math.floor((chapter * total) / splits);
    return steps;
  });
}

/** Without `prepared`, which only those have who know the data, as much as the record alone says. */
export function expectedOutputs(record: RunRecord, prepared: PreparedData | undefined): (task: Task) => Expected {
  const { spec, variant, dataset } = record;
  const federated = variant === 'federated';
  const image = { width: dataset.imageSize, height: 1, channels: 1 };
  let stateSizes: number[] | undefined;
  try {
    const shapes = allStructures(networkStructure(spec, labelLayout(image, dataset.classes.length, spec.labelMode)));
    stateSizes = shapes.map((shape) => wireBytes(spec, stateBytes(shape)));
  } catch (error) {
    // A record that contradicts itself: nobody takes part in such a run, but it can be looked at and removed.
    if (!(error instanceof PffError)) throw error;
  }
  let steps: Float64Array | undefined;
  const count = prepared?.sites[0]?.data.samples.count;
  const labelsBytes = count === undefined ? undefined : count * labelBytes(dataset.classes.length);
  return (task) => {
    if (task.kind === 'labels') {
      // In a federated run labels are sealed, and only the node whose data it is knows how many they are.
      if (federated && labelsBytes !== undefined) return { fetchedBytes: labelsBytes + SEAL_BYTES, steps: 0 };
      return { bytes: labelsBytes, steps: 0 };
    }
    const bytes = stateSizes?.[task.layer];
    const mostSteps = (task.chapter + 1) * MOST_CHAPTER_BATCHES;
    if (!prepared || federated) return { bytes, mostSteps };
    steps ??= stepsAfter(
      spec,
      prepared.sites.map(({ samples }) => samples.length),
    );
    return { bytes, steps: spec.freeze.includes(task.layer + 1) ? 0 : steps[task.chapter] };
  };
}

/**
 * Says whether labels are possible as negative labels of their chapter: classes that there are, and the wrong ones; of sealed
 * ones, whether they were sealed with this node's data.
 */
export function soundLabels(
  record: RunRecord,
  prepared: PreparedData,
): (task: LabelsTask, buffer: ArrayBufferLike) => boolean | Promise<boolean> {
  const { spec, variant, dataset } = record;
  if (variant === 'federated') return sealedWith((prepared.sites[0] as Site).data, runContext(record));
  const classes = dataset.classes.length;
  return ({ chapter }, buffer) => {
    const labels = labelsIn(buffer, classes);
    if (labels.some((label) => label >= classes)) return false;
    const { data, samples } = prepared.sites[chapter % prepared.sites.length] as Site;
    const used = chapterPlan(spec, samples, chapter).samples;
    return used.every((sample) => labels[sample] !== data.samples.labels[sample]);
  };
}
