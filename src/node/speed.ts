/** How fast a node is at a run, measured by a few training steps of its largest layer; what they compute is thrown away. */
import { newLabels } from '../data/label-array.js';
import type { Kernels } from '../kernels/kernels.js';
import { closeParts, rowInputs } from '../layers/layer-state.js';
import { multiplyAdds } from '../layers/sizes.js';
import { networkStructure } from '../model/network.js';
import { objectiveOf } from '../objectives/table.js';
import { nowMs, Breather } from './clock.js';
import { beginning, type Job } from './job.js';
import { openForTraining, trainChapter } from './training.js';

/** Steps are doubled until they take so long. */
const LONG_ENOUGH_MS = 150;
const MOST_STEPS = 256;

/** Training steps in a second. @param signal ends it with its reason */
export async function stepsPerSecond(job: Job, kernels: Kernels, signal: AbortSignal): Promise<number> {
  const { spec } = job;
  const objective = objectiveOf(spec.objective);
  const costs = multiplyAdds(spec.layers);
  // Labels enter the first layer only.
  const layer = costs.reduce(
    (best, cost, i) => (i > 0 && cost > (costs[best] ?? 0) ? i : best),
    Math.min(1, costs.length - 1),
  );
  const structure = networkStructure(spec, job.layout).layers[layer];
  if (!structure) throw new RangeError(`a network without layer ${layer}`);
  const rows = spec.batch * objective.variants;
  const prefix = new Float32Array(rows * rowInputs(structure)).map((_, i) => ((i * 7) % 11) / 11);
  const parts = await openForTraining(kernels, spec, beginning(job, structure), objective.variants);
  const steps = async (count: number): Promise<number> => {
    const start = nowMs();
    const samples = Uint32Array.from({ length: spec.batch }, (_, i) => i);
    await trainChapter({
      // So small a rate that losses stay as they are.
      spec: { ...spec, learningRate: 1e-9, headLearningRate: 1e-9 },
      kernels,
      objective: objective.begin(spec),
      loss: objective.describe(spec),
      parts,
      steps: 0,
      where: { layer, chapter: 0 },
      plan: {
        samples,
        batches: Array.from({ length: count }, () => ({ positions: samples, progress: 0, phase: spec })),
      },
      inputs: () => ({ prefix, batch: rows, variants: 1 }),
      labels: newLabels(spec.batch, job.classes),
      breather: new Breather(signal),
      report: { isDue: () => false, batch: () => {} },
    });
    return nowMs() - start;
  };
  try {
    await steps(1);
    for (let count = 2; ; count *= 2) {
      const took = await steps(count);
      if (took >= LONG_ENOUGH_MS || count >= MOST_STEPS) return (1000 * count) / Math.max(took, 0.01);
    }
  } finally {
    closeParts(parts);
  }
}
