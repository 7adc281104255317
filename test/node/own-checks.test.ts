/** What nodes of runs that nobody can audit check by themselves: repetition, bounds on updates, and the fall of accuracy. */
import { describe, expect, it } from 'vitest';
import { boundedStore, relativeUpdate } from '../../src/node/bounded-updates.js';
import { compareRepeated, isRepeated } from '../../src/node/repetition.js';
import { viewState, type LayerState, type LayerStructure } from '../../src/layers/layer-state.js';
import { initialState, stateBytes } from '../../src/layers/layer-state.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { runNode } from '../../src/node/node.js';
import { prepareData } from '../../src/node/prepare.js';
import { TOY_CLASSES, toyDataset, toySpec } from '../helpers/tiny.js';
import { networkStructure } from '../../src/model/network.js';
import { labelLayout } from '../../src/data/labels.js';
import { fallsBelow } from '../../src/run/accuracy-drop.js';
import { trainToEnd } from '../../src/run/train.js';
import { graphShape } from '../../src/schedule/shape.js';
import { taskKey, trainTask } from '../../src/schedule/tasks.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { MemoryStore } from '../../src/store/memory.js';
import type { Output, Store } from '../../src/store/store.js';

const spec = resolveSpec({ layers: [784, 16, 12], trainSamples: 320, testSamples: 50, epochs: 3, batch: 32, seed: 5 });
const never = new AbortController().signal;

describe('a task that is done twice', () => {
  it('is drawn as often as asked, and the same whenever it is asked', () => {
    const tasks = Array.from({ length: 2000 }, (_, chapter) => trainTask(chapter, 1));
    const drawn = tasks.filter((task) => isRepeated(task, { rate: 0.1, seed: 3 }));
    expect(Math.abs(drawn.length - 200)).toBeLessThan(60);
    expect(tasks.filter((task) => isRepeated(task, { rate: 0.1, seed: 3 }))).toEqual(drawn);
    expect(tasks.some((task) => isRepeated(task, { rate: 0, seed: 3 }))).toBe(false);
    expect(tasks.every((task) => isRepeated(task, { rate: 1, seed: 3 }))).toBe(true);
  });

  it('ends the run if the results differ', () => {
    const output = { steps: 1, buffer: new Uint8Array([1, 2, 3, 4]).buffer };
    compareRepeated(trainTask(0, 0), output, { ...output, buffer: output.buffer.slice(0) });
    const other = { steps: 1, buffer: new Uint8Array([1, 2, 3, 5]).buffer };
    expect(() => compareRepeated(trainTask(2, 1), output, other)).toThrow(
      /did c2\.l1 twice and had two results, which differ in 1 of 4 bytes/,
    );
  });

  it('has the same bits, on one node and on threads', async () => {
    const once = await trainToEnd({ spec, threadsPerNode: 1 });
    const twice = await trainToEnd({ spec, threadsPerNode: 1, repeat: 1 });
    expect(twice.modelDigest).toBe(once.modelDigest);
    const threads = await trainToEnd({ spec, nodes: 2, variant: 'single-layer', threadsPerNode: 1, repeat: 1 });
    expect(threads.modelDigest).toBe(once.modelDigest);
  });

  it('is found where memory changes between the two, and nothing of it is published', async () => {
    const toy = toySpec({ epochs: 2 });
    const prepared = prepareData(toyDataset(), toy);
    const job = {
      ...prepared,
      spec: toy,
      variant: 'sequential',
      nodes: 1,
      classes: TOY_CLASSES,
      startedMs: 0,
      repeat: 1,
    } as const;
    const store = new MemoryStore(graphShape(toy));
    let fetched = 0;
    const faulty: Store = {
      isPublished: (task) => store.isPublished(task),
      published: (task, signal) => store.published(task, signal),
      publish: (task, output) => store.publish(task, output),
      async fetch(task, signal) {
        const { steps, buffer } = await store.fetch(task, signal);
        if (taskKey(task) !== 'c0.l0' || ++fetched % 2 === 1) return { steps, buffer };
        const changed = buffer.slice(0);
        new Uint8Array(changed)[2] = (new Uint8Array(changed)[2] ?? 0) ^ 0x40;
        return { steps, buffer: changed };
      },
    };
    await expect(runNode(job, 0, openReference(), faulty, never, () => {})).rejects.toThrow(
      /did c[01]\.l\d twice and had two results/,
    );
    expect(await store.isPublished(trainTask(1, 1))).toBe(false);
  });

  it('is asked for by a share, not on a cluster', async () => {
    await expect(trainToEnd({ spec, repeat: 2 })).rejects.toThrow(/repeat must be a share of 0 to 1, but is 2/);
    const cluster = { server: { server: 'nats://127.0.0.1:1' }, run: 'x' };
    await expect(trainToEnd({ spec, repeat: 0.5, cluster })).rejects.toThrow(/nodes of a cluster decide themselves/);
  });
});

describe('a bound on updates', () => {
  const { layers } = networkStructure(spec, labelLayout({ width: 28, height: 28, channels: 1 }, 10, spec.labelMode));
  const structure = layers[0] as LayerStructure;
  const initial = initialState(structure, spec.seed);
  const scaled = (by: number): Output => {
    const buffer = new Float32Array(stateBytes(structure) / 4);
    buffer.set(new Float32Array(initial.buffer).map((value) => value * by));
    return { steps: 1, buffer: buffer.buffer };
  };
  const view = (_: number, { steps, buffer }: Output): LayerState => viewState(structure, steps, buffer);
  const bounded = (store: Store): Store => boundedStore(store, { most: 0.5, initial: () => initial, view });

  it('is the norm of the difference in norms of what was there', () => {
    expect(relativeUpdate(initial, view(0, scaled(1.25)))).toBeCloseTo(0.25, 5);
    expect(relativeUpdate(initial, initial)).toBe(0);
  });

  it('lets a classifier, which begins with zeros, move at all, but not to values that are no numbers', () => {
    const zeros = view(0, scaled(0));
    expect(relativeUpdate(zeros, initial)).toBe(0);
    expect(relativeUpdate(zeros, view(0, scaled(Number.NaN)))).toBeNaN();
  });

  it('refuses a state that was blown up or turned round, and lets one pass that has moved a little', async () => {
    const store = new MemoryStore(graphShape(spec));
    const node = bounded(store);
    await store.publish(trainTask(0, 0), scaled(1.2));
    await node.fetch(trainTask(0, 0), never);
    await node.publish(trainTask(1, 0), scaled(1.7));
    for (const by of [4, -1, Number.NaN]) {
      const other = new MemoryStore(graphShape(spec));
      await other.publish(trainTask(0, 0), scaled(by));
      await expect(bounded(other).fetch(trainTask(0, 0), never)).rejects.toThrow(
        /c0\.l0 has moved by \S+ times the norm.*but may by 0\.5 \(--max-update\)/,
      );
    }
  });
});

describe('a fall of accuracy', () => {
  it('is told with the chapter and the shard, beside the best before', () => {
    const falls = fallsBelow(0.1, 3);
    const layerAccuracy = [0.5, 0.6];
    expect([0.5, 0.8, 0.75, 0.85].map((accuracy, chapter) => falls({ chapter, accuracy, layerAccuracy }))).toEqual(
      Array(4).fill(undefined),
    );
    expect(falls({ chapter: 4, accuracy: 0.7, layerAccuracy })).toBe(
      'ACCURACY FELL after chapter 5, which trained on shard 2: the network 70.0 %, but 85.0 % after chapter 4 (--max-drop 0.1)',
    );
    expect(fallsBelow(undefined, 1)({ chapter: 0, accuracy: 0, layerAccuracy })).toBeUndefined();
  });

  it('of one layer is told where the others make up for it', () => {
    const falls = fallsBelow(0.1, 1);
    expect(falls({ chapter: 0, accuracy: 0.8, layerAccuracy: [0.7, 0.8] })).toBeUndefined();
    expect(falls({ chapter: 1, accuracy: 0.8, layerAccuracy: [0.55, 0.81] })).toBe(
      'ACCURACY FELL after chapter 2: layer 1 alone 55.0 %, but 70.0 % after chapter 1 (--max-drop 0.1)',
    );
  });
});
