/** Properties of the task graph and its assignment, over any shape, variant and number of nodes. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { type PffVariant, assign, ownerOf } from '../../src/schedule/assign.js';
import { gateOf, defaultWindow } from '../../src/schedule/retention.js';
import { type GraphShape, graphShape, trainedLayers } from '../../src/schedule/shape.js';
import { stepsOf, type Held } from '../../src/schedule/steps.js';
import {
  allTasks,
  consumers,
  hasLabelsTask,
  isResult,
  labelsTask,
  needs,
  parseTaskKey,
  taskCount,
  taskKey,
  trainTask,
} from '../../src/schedule/tasks.js';
import { refOf, taskOf } from '../../src/schedule/timeline.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { nodeCounts, shapes, variants } from './arbitraries.js';

const keys = (tasks: Iterable<Parameters<typeof taskKey>[0]>) => [...tasks].map(taskKey);
const listed = (shape: GraphShape, variant: PffVariant, nodes: number) =>
  assign(shape, variant, nodes).map((list) => keys(list).join(' '));

describe('tasks', () => {
  it('have names that can be read back, and no others can', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        for (const task of allTasks(shape)) {
          expect(parseTaskKey(taskKey(task))).toEqual(task);
          expect(taskOf(shape, refOf(shape, task))).toEqual(task);
        }
        expect(taskCount(shape)).toBe([...allTasks(shape)].length);
      }),
      { numRuns: 20 },
    );
    expect(() => taskOf({} as GraphShape, { chapter: 0, layer: 'network' })).toThrow(PffError);
    expect(taskKey(trainTask(3, 2))).toBe('c3.l2');
    expect(taskKey(labelsTask(3))).toBe('c3.labels');
    for (const key of ['', 'c3', 'c3.l', 'c-1.l0', 'c3.l2 ', '../c3.l2', 'c1e9.l0'])
      expect(() => parseTaskKey(key)).toThrow(PffError);
  });

  it('need only tasks that exist and come before them in lexicographic order', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const seen = new Set<string>();
        for (const task of allTasks(shape)) {
          for (const key of keys(needs(shape, task))) expect(seen).toContain(key);
          seen.add(taskKey(task));
        }
      }),
    );
  });

  it('have as consumers exactly the tasks that need them', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const forward = [...allTasks(shape)].flatMap((task) =>
          needs(shape, task).map((n) => `${taskKey(n)} -> ${taskKey(task)}`),
        );
        const backward = [...allTasks(shape)].flatMap((task) =>
          consumers(shape, task).map((c) => `${taskKey(task)} -> ${taskKey(c)}`),
        );
        expect(new Set(backward).size).toBe(backward.length);
        expect(backward.toSorted()).toEqual(forward.toSorted());
      }),
    );
  });

  it('are all consumed, but for the result', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        for (const task of allTasks(shape))
          expect(consumers(shape, task).length > 0 || isResult(shape, task)).toBe(true);
      }),
    );
  });

  it('have predicted labels only from chapter lag on', () => {
    const shape: GraphShape = { layers: 3, head: true, splits: 4, predictedLabels: 'all-layers', labelLag: 2 };
    expect(keys(needs(shape, labelsTask(2)))).toEqual(['c0.l0', 'c0.l1', 'c0.l2']);
    expect(keys(needs({ ...shape, predictedLabels: 'first-layer' }, labelsTask(2)))).toEqual(['c0.l0']);
    expect(keys(needs(shape, trainTask(1, 1)))).toEqual(['c1.l0', 'c0.l1']);
    expect(keys(needs(shape, trainTask(2, 1)))).toEqual(['c2.labels', 'c2.l0', 'c1.l1']);
    expect(keys(needs(shape, trainTask(2, 3)))).toEqual(['c2.l0', 'c2.l1', 'c2.l2', 'c1.l3']);
    expect(hasLabelsTask(shape, 4)).toBe(false);
  });

  it('follow from the spec', () => {
    const spec = resolveSpec({
      layers: [784, 30, 20, 10],
      epochs: 6,
      classifier: 'softmax',
      negatives: 'adaptive',
      labelLag: 2,
    });
    expect(graphShape(spec)).toEqual({ layers: 3, head: true, splits: 6, predictedLabels: 'all-layers', labelLag: 2 });
    expect(graphShape(resolveSpec({ objective: 'performance-optimized', splits: 2 }))).toMatchObject({
      head: false,
      splits: 2,
      predictedLabels: 'none',
    });
  });
});

describe('assign', () => {
  it('gives every task to one node, once, and ownerOf says which', () => {
    fc.assert(
      fc.property(shapes, variants, nodeCounts, (shape, variant, nodes) => {
        const lists = assign(shape, variant, nodes);
        expect(lists).toHaveLength(nodes);
        expect(lists.flatMap(keys).toSorted()).toEqual(keys(allTasks(shape)).toSorted());
        lists.forEach((list, node) => list.forEach((task) => expect(ownerOf(shape, variant, nodes, task)).toBe(node)));
      }),
    );
  });

  it('never deadlocks: lists followed in order always get to the end, run-ahead limited or not', () => {
    fc.assert(
      fc.property(
        shapes,
        variants,
        nodeCounts,
        fc.option(fc.integer({ min: 1, max: 3 })),
        (shape, variant, nodes, window) => {
          const lists = assign(shape, variant, nodes).map((list) => [...list]);
          const done = new Set<string>();
          const limit = window ?? defaultWindow(shape, variant, nodes);
          for (let before = -1; before < done.size;) {
            before = done.size;
            for (const list of lists) {
              for (let task = list[0]; task !== undefined; task = list[0]) {
                const gate = gateOf(shape, task, limit);
                if (![...needs(shape, task), ...(gate === null ? [] : [gate])].every((need) => done.has(taskKey(need))))
                  break;
                done.add(taskKey(task));
                list.shift();
              }
            }
          }
          expect(lists.every((list) => list.length === 0)).toBe(true);
        },
      ),
    );
  });

  it('orders each list by chapter and layer', () => {
    fc.assert(
      fc.property(shapes, variants, nodeCounts, (shape, variant, nodes) => {
        for (const list of assign(shape, variant, nodes)) {
          const trains = list.flatMap((task) => (task.kind === 'train' ? [task.chapter * 1000 + task.layer] : []));
          expect(trains).toEqual(trains.toSorted((a, b) => a - b));
        }
      }),
    );
  });

  const plain: GraphShape = { layers: 4, head: false, splits: 3, predictedLabels: 'none', labelLag: 1 };

  it("is the paper's with a node for each layer", () => {
    expect(listed({ ...plain, splits: 2 }, 'single-layer', 5)).toEqual([
      'c0.l0 c1.l0',
      'c0.l1 c1.l1',
      'c0.l2 c1.l2',
      'c0.l3 c1.l3',
      '',
    ]);
    expect(listed({ ...plain, layers: 2 }, 'all-layers', 2)).toEqual(['c0.l0 c0.l1 c2.l0 c2.l1', 'c1.l0 c1.l1']);
    expect(listed({ ...plain, layers: 2 }, 'federated', 2)).toEqual(listed({ ...plain, layers: 2 }, 'all-layers', 2));
  });

  it('cuts single-layer into blocks of neighbours, the larger ones first', () => {
    expect(listed({ ...plain, splits: 1 }, 'single-layer', 3)).toEqual(['c0.l0 c0.l1', 'c0.l2', 'c0.l3']);
    expect(listed({ ...plain, splits: 1, head: true }, 'single-layer', 2)).toEqual([
      'c0.l0 c0.l1 c0.l2',
      'c0.l3 c0.l4',
    ]);
  });

  it('predicts labels where their last layer is trained, or just before the chapter that needs them', () => {
    const adaptive: GraphShape = { ...plain, layers: 2, predictedLabels: 'all-layers' };
    expect(listed(adaptive, 'sequential', 1)).toEqual(['c0.l0 c0.l1 c1.labels c1.l0 c1.l1 c2.labels c2.l0 c2.l1']);
    expect(listed(adaptive, 'single-layer', 2)).toEqual(['c0.l0 c1.l0 c2.l0', 'c0.l1 c1.labels c1.l1 c2.labels c2.l1']);
    expect(listed({ ...adaptive, labelLag: 2 }, 'all-layers', 2)).toEqual([
      'c0.l0 c0.l1 c2.labels c2.l0 c2.l1',
      'c1.l0 c1.l1',
    ]);
    // With a longer lag than nodes: as soon as the states are surely there, so that they need not be kept.
    expect(listed({ ...adaptive, labelLag: 2 }, 'sequential', 1)).toEqual([
      'c0.l0 c0.l1 c2.labels c1.l0 c1.l1 c2.l0 c2.l1',
    ]);
    expect(listed({ ...adaptive, predictedLabels: 'first-layer' }, 'single-layer', 2)).toEqual([
      'c0.l0 c1.labels c1.l0 c2.labels c2.l0',
      'c0.l1 c1.l1 c2.l1',
    ]);
  });

  it('refuses what is no graph', () => {
    expect(() => assign(plain, 'all-layers', 0)).toThrow(/nodes must be a whole number of at least 1, but is 0/);
    expect(() => assign({ ...plain, splits: 1.5 }, 'all-layers', 1)).toThrow(/splits/);
    expect(() => assign({ ...plain, layers: 0 }, 'all-layers', 1)).toThrow(/layers/);
    expect(() => assign({ ...plain, labelLag: 0 }, 'all-layers', 1)).toThrow(/labelLag/);
  });
});

describe('steps', () => {
  it('starting with nothing held need exactly what the task needs', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        for (const task of allTasks(shape))
          expect(keys(stepsOf(shape, task, null).steps.flatMap((step) => step.needs)).toSorted()).toEqual(
            keys(needs(shape, task)).toSorted(),
          );
      }),
    );
  });

  it("of a node's list reach each layer with inputs passed through all layers below, in this chapter", () => {
    fc.assert(
      fc.property(shapes, variants, nodeCounts, (shape, variant, nodes) => {
        for (const list of assign(shape, variant, nodes)) {
          let held: Held = null;
          for (const task of list) {
            const { steps, held: after } = stepsOf(shape, task, held);
            const works = steps.map((step) => step.work);
            expect(works.filter((work) => work !== 'pass')).toHaveLength(1);
            expect(works.at(-1)).not.toBe('pass');
            if (task.kind === 'train' && task.layer < shape.layers) {
              const passes: number[] = steps.flatMap((step) => (step.work === 'pass' ? [step.layer] : []));
              const from: number = task.layer - passes.length;
              expect(passes).toEqual(Array.from({ length: passes.length }, (_, i) => from + i));
              if (from > 0) expect(held).toEqual({ chapter: task.chapter, layer: from });
              expect(after).toEqual({ chapter: task.chapter, layer: task.layer });
            } else {
              expect(after).toBe(held);
            }
            held = after;
          }
        }
      }),
    );
  });

  const shape: GraphShape = { layers: 4, head: true, splits: 3, predictedLabels: 'all-layers', labelLag: 1 };
  it('go on from held inputs of the same chapter, and ask for labels only when they start from the data', () => {
    expect(stepsOf(shape, trainTask(1, 2), { chapter: 1, layer: 1 }).steps).toEqual([
      { work: 'pass', layer: 1, needs: [trainTask(1, 1)] },
      { work: 'train', needs: [trainTask(0, 2)] },
    ]);
    for (const held of [null, { chapter: 0, layer: 1 }, { chapter: 1, layer: 3 }])
      expect(stepsOf(shape, trainTask(1, 2), held).steps).toEqual([
        { work: 'pass', layer: 0, needs: [labelsTask(1), trainTask(1, 0)] },
        { work: 'pass', layer: 1, needs: [trainTask(1, 1)] },
        { work: 'train', needs: [trainTask(0, 2)] },
      ]);
    expect(stepsOf(shape, trainTask(0, 0), null).steps).toEqual([{ work: 'train', needs: [] }]);
  });

  it('start from the data whatever is held where each layer has inputs of its own', () => {
    const own: GraphShape = { ...shape, ownInputs: true };
    expect(stepsOf(own, trainTask(1, 2), { chapter: 1, layer: 1 })).toEqual(stepsOf(shape, trainTask(1, 2), null));
  });

  it('stream the data for the head, which leaves the held inputs alone', () => {
    const held = { chapter: 0, layer: 3 };
    expect(stepsOf(shape, trainTask(0, trainedLayers(shape) - 1), held)).toEqual({
      steps: [{ work: 'head', needs: [0, 1, 2, 3].map((layer) => trainTask(0, layer)) }],
      held,
    });
  });
});
