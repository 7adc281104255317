/** Trains on opened kernels, by one node and a store in memory: what comes out, and what was told of it. */
import type { Dataset } from '../../src/data/dataset.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import type { StepStats } from '../../src/kernels/trainer.js';
import { viewState } from '../../src/layers/layer-state.js';
import { modelDigest } from '../../src/model/digest.js';
import { allStructures, networkStructure } from '../../src/model/network.js';
import { runNode } from '../../src/node/node.js';
import { prepareData } from '../../src/node/prepare.js';
import { graphShape } from '../../src/schedule/shape.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { MemoryStore } from '../../src/store/memory.js';
import { toySpec } from './tiny.js';

/** Closes the kernels. `stats` are those of each task, in order. */
export async function trainOn(
  kernels: Kernels,
  dataset: Dataset,
  more: PartialSpec,
): Promise<{ readonly digest: string; readonly stats: readonly StepStats[] }> {
  const spec = toySpec(more);
  const { layout, sites } = prepareData(dataset, spec);
  const store = new MemoryStore(graphShape(spec));
  const classes = dataset.classes.length;
  const job = { spec, variant: 'sequential', nodes: 1, layout, classes, sites, startedMs: 0 } as const;
  const stats: StepStats[] = [];
  await runNode(job, 0, kernels, store, new AbortController().signal, (event) => {
    if (event.type === 'task-finished') stats.push(event.stats);
  });
  kernels.close();
  const structures = allStructures(networkStructure(spec, layout));
  const states = (await store.result()).map(({ steps, buffer }, i) => viewState(structures[i]!, steps, buffer));
  return { digest: modelDigest(states), stats };
}
