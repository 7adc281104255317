/** A cluster's node passes data on for its next task of a chapter while that may still wait for another node; with the same bits. */
import { afterAll, describe, expect, it } from 'vitest';
import { openKernels } from '../../src/kernels/open.js';
import { modelDigest } from '../../src/model/digest.js';
import { allStructures, networkStructure } from '../../src/model/network.js';
import type { NodeEvent } from '../../src/node/events.js';
import type { Job } from '../../src/node/job.js';
import { prepareData } from '../../src/node/prepare.js';
import { TaskServer } from '../../src/node/remote-executor.js';
import { viewState, type LayerStructure } from '../../src/layers/layer-state.js';
import { trainToEnd } from '../../src/run/train.js';
import { nextOnInputs } from '../../src/schedule/ahead.js';
import { graphShape } from '../../src/schedule/shape.js';
import { allTasks, labelsTask, results, taskKey, trainTask, type Task } from '../../src/schedule/tasks.js';
import { resolveSpec, type PartialSpec } from '../../src/spec/spec.js';
import { MemoryStore } from '../../src/store/memory.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const { kernels } = await openKernels({ kernels: 'auto', threads: 1, precision: 'f32' });
afterAll(() => kernels.close());
const dataset = toyDataset();
const { signal } = new AbortController();

/** A node that is asked for tasks one by one, as `number`. */
function nodeOf(given: PartialSpec, repeat?: number) {
  const [nodes, number] = [1, 0];
  const spec = resolveSpec(toySpec({ epochs: 3, splits: 3, ...given }));
  const { layout, sites } = prepareData(dataset, spec);
  const shape = graphShape(spec);
  const store = new MemoryStore(shape);
  const events: Extract<NodeEvent, { type: 'task-finished' }>[] = [];
  let end: (() => void) | undefined;
  const job: Job = { spec, variant: 'all-layers', nodes, layout, classes: 4, sites, startedMs: Date.now(), repeat };
  const server = new TaskServer(job, kernels, store, (answer) => {
    if (answer.type === 'event' && answer.event.type === 'task-finished') events.push(answer.event);
    else if (answer.type !== 'event') end?.();
  });
  const run = async (task: Task): Promise<void> => {
    await new Promise<void>((resolve) => {
      end = resolve;
      server.asked({ type: 'run', number: 1, node: number, task });
    });
  };
  const now = (): number => (Date.now() - job.startedMs) / 1000;
  return { spec, shape, store, events, run, server, layout, now };
}

describe('a node', () => {
  it('passes data through the layer that it has trained before it is asked for the next one, and tells that of the next one', async () => {
    const { run, events, server, now } = nodeOf({ negatives: 'random' });
    await run(trainTask(0, 0));
    expect(events[0]?.spans.map(({ phase }) => phase)).not.toContain('pass');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const asked = now();
    await run(trainTask(0, 1));
    const passed = events[1]?.spans.filter(({ phase }) => phase === 'pass') ?? [];
    expect(passed).toHaveLength(1);
    expect(passed[0]).toMatchObject({ task: { chapter: 0, layer: 1 } });
    expect(passed[0]?.end).toBeLessThan(asked);
    // Another task than the one that it was done for: nothing of it is told, or used.
    await run(trainTask(1, 0));
    await run(trainTask(1, 1));
    expect(events[2]?.spans.map(({ phase }) => phase)).not.toContain('pass');
    expect(events[3]?.spans.filter(({ phase }) => phase === 'pass')).toHaveLength(1);
    server.forget();
  });

  it.each<[string, PartialSpec, number?]>([
    ['random negatives', { negatives: 'random' }],
    ['predicted labels, softmax head', { negatives: 'adaptive', classifier: 'softmax' }],
    ['states of two bytes a value', { negatives: 'random', wire: 'bf16' }],
    ['images of its own for each layer', { objective: 'pred', shift: 1, augmentPer: 'layer' }],
    ['tasks that are done twice', { negatives: 'random', layers: [36, 20, 20, 20] }, 0.4],
    ['convolutions', { objective: 'pred', layers: ['1x6x6', 'conv4+bn', 'conv6+bn+max2', 8] }],
  ])('%s: the bits are those of a run without', async (_, given, repeat) => {
    const { spec, shape, store, run, server, layout } = nodeOf(given, repeat);
    for (const task of allTasks(shape)) await run(task);
    const all = allStructures(networkStructure(spec, layout));
    const states = [];
    for (const [layer, task] of results(shape).entries()) {
      const { steps, buffer } = await store.fetch(task, signal);
      states.push(viewState(all[layer] as LayerStructure, steps, buffer));
    }
    server.forget();
    expect(modelDigest(states)).toBe((await trainToEnd({ spec }, dataset)).modelDigest);
  });
});

it('only for tasks of its own slot that come next in the chapter', () => {
  const shape = graphShape(resolveSpec(toySpec({ epochs: 4, splits: 4, negatives: 'random' })));
  const next = (task: Task, nodes = 2, node = 0, variant: 'all-layers' | 'single-layer' = 'all-layers'): string => {
    const found = nextOnInputs(shape, { variant, nodes }, node, task);
    return found ? taskKey(found) : '';
  };
  expect(next(trainTask(0, 0))).toBe('c0.l1');
  expect(next(trainTask(1, 0))).toBe('');
  expect(next(trainTask(1, 0), 2, 1)).toBe('c1.l1');
  expect(next(trainTask(0, shape.layers - 1))).toBe('');
  expect(next(labelsTask(2))).toBe('');
  expect(next(trainTask(0, 0), shape.layers, 0, 'single-layer')).toBe('');
});
