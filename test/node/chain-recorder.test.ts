/** What digests of a task's states cost, and what they are of. */
import { describe, expect, it } from 'vitest';
import { sha256 } from '#platform/hash';
import { openReference } from '../../src/kernels/reference/reference.js';
import { littleEndianBytes } from '../../src/model/digest.js';
import { networkStructure } from '../../src/model/network.js';
import { runNode } from '../../src/node/node.js';
import { prepareData } from '../../src/node/prepare.js';
import { viewState } from '../../src/layers/layer-state.js';
import { graphShape } from '../../src/schedule/shape.js';
import { taskKey, type Task } from '../../src/schedule/tasks.js';
import { MemoryStore } from '../../src/store/memory.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import type { Output, Store } from '../../src/store/store.js';
import { TOY_CLASSES, toyDataset, toySpec } from '../helpers/tiny.js';

const spec = toySpec({ epochs: 1 });

/** What a run of one node publishes with so many digests a task, and how often states were read from kernels. */
async function outputsWith(cuts: number | undefined): Promise<{ outputs: Map<string, Output>; reads: number }> {
  const prepared = prepareData(toyDataset(), spec);
  const job = {
    ...prepared,
    spec,
    variant: 'sequential',
    nodes: 1,
    classes: TOY_CLASSES,
    startedMs: 0,
    ...(cuts === undefined ? {} : { cuts }),
  } as const;
  let reads = 0;
  const kernels: Kernels = openReference();
  const openDense = kernels.openDense.bind(kernels);
  kernels.openDense = async (tensors, options) => {
    const kernel = await openDense(tensors, options);
    const read = kernel.read.bind(kernel);
    kernel.read = (into) => {
      reads += 1;
      return read(into);
    };
    return kernel;
  };
  const outputs = new Map<string, Output>();
  const store = new MemoryStore(graphShape(spec));
  const watched: Store = {
    isPublished: (task) => store.isPublished(task),
    published: (task, signal) => store.published(task, signal),
    fetch: (task, signal) => store.fetch(task, signal),
    publish(task: Task, output) {
      outputs.set(taskKey(task), output);
      return store.publish(task, output);
    },
  };
  await runNode(job, 0, kernels, watched, new AbortController().signal, () => {});
  return { outputs, reads };
}

describe('digests on the way of a task', () => {
  it('take one reading each, and none besides for the result, whose bits they do not change', async () => {
    const plain = await outputsWith(undefined);
    const tasks = plain.outputs.size;
    expect(plain.reads).toBe(tasks);
    const cut = await outputsWith(3);
    expect(cut.reads).toBe(3 * tasks);
    for (const [name, { steps, buffer, chain }] of cut.outputs) {
      const other = plain.outputs.get(name) as Output;
      expect(chain?.digests).toHaveLength(3);
      expect([steps, Buffer.from(buffer)]).toEqual([other.steps, Buffer.from(other.buffer)]);
    }
  });

  it('are of parameters alone, which are a third of a state', async () => {
    const { outputs } = await outputsWith(2);
    const { layout } = prepareData(toyDataset(), spec);
    for (const structure of networkStructure(spec, layout).layers) {
      const { steps, buffer, chain } = outputs.get(`c0.l${structure.layer}`) as Output;
      const hash = sha256();
      for (const { parameters } of viewState(structure, steps, buffer).parts)
        for (const values of parameters) hash.update(littleEndianBytes(values));
      expect(chain?.digests.at(-1)).toBe(hash.hex());
    }
  });
});
