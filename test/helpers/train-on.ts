/** Trains on opened kernels, by one node or several in this thread, and a store in memory: what comes out, and what was told of it. */
import type { Dataset } from '../../src/data/dataset.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import type { StepStats } from '../../src/kernels/trainer.js';
import { viewState } from '../../src/layers/layer-state.js';
import { modelDigest } from '../../src/model/digest.js';
import { allStructures, networkStructure } from '../../src/model/network.js';
import { runNode } from '../../src/node/node.js';
import { prepareData } from '../../src/node/prepare.js';
import type { PffVariant } from '../../src/schedule/assign.js';
import { graphShape } from '../../src/schedule/shape.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { MemoryStore } from '../../src/store/memory.js';
import { toySpec } from './tiny.js';

/**
 * Closes the kernels. `stats` are those of each task, in order.
 * @param pipeline the schedule, and the kernels of further nodes
 */
export async function trainOn(
  kernels: Kernels,
  dataset: Dataset,
  more: PartialSpec,
  pipeline: { readonly variant: PffVariant; readonly others: readonly Kernels[] } = {
    variant: 'sequential',
    others: [],
  },
): Promise<{ readonly digest: string; readonly stats: readonly StepStats[] }> {
  const spec = toySpec(more);
  const { layout, sites } = prepareData(dataset, spec);
  const store = new MemoryStore(graphShape(spec));
  const classes = dataset.classes.length;
  const all = [kernels, ...pipeline.others];
  const job = { spec, variant: pipeline.variant, nodes: all.length, layout, classes, sites, startedMs: 0 };
  const stats: StepStats[] = [];
  const { signal } = new AbortController();
  const node = (own: Kernels, number: number): Promise<void> =>
    runNode(job, number, own, store, signal, (event) => {
      if (event.type === 'task-finished') stats.push(event.stats);
    });
  await Promise.all(all.map(node));
  for (const each of all) each.close();
  const structures = allStructures(networkStructure(spec, layout));
  const states = (await store.result()).map(({ steps, buffer }, i) => viewState(structures[i]!, steps, buffer));
  return { digest: modelDigest(states), stats };
}
