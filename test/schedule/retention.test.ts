/**
 * A store that drops outputs as Retention says never lacks one, whichever nodes die when: nodes here carry out their
 * steps in a random order against such a store, keep nothing but held inputs, and die at random moments.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign } from '../../src/schedule/assign.js';
import { Retention, defaultWindow, gateOf, maxKeptChapters } from '../../src/schedule/retention.js';
import { type GraphShape, trainedLayers } from '../../src/schedule/shape.js';
import { type Held, type Step, stepsOf } from '../../src/schedule/steps.js';
import { type Task, allTasks, isResult, labelsTask, taskKey, trainTask } from '../../src/schedule/tasks.js';
import { nodeCounts, shapes, variants } from './arbitraries.js';

/** A node at work: its list, the steps of its present task, and what it holds. */
interface Worker {
  list: readonly Task[];
  task: Task | null;
  steps: readonly Step[];
  held: Held;
  heldAfter: Held;
}

class World {
  readonly retention: Retention;
  readonly store = new Set<string>();
  readonly workers: Worker[];
  mostChapters = 0;

  constructor(
    readonly shape: GraphShape,
    readonly lists: readonly (readonly Task[])[],
    readonly window: number,
  ) {
    this.retention = new Retention(shape);
    this.workers = lists.map((list) => this.fresh(list));
  }

  fresh(list: readonly Task[]): Worker {
    return {
      list: list.filter((task) => !this.retention.isPublished(task)),
      task: null,
      steps: [],
      held: null,
      heldAfter: null,
    };
  }

  /** One step of one node; false where it has to wait or is done. */
  step(worker: Worker): boolean {
    if (worker.task === null) {
      const [task, ...rest] = worker.list;
      if (task === undefined) return false;
      const gate = gateOf(this.shape, task, this.window);
      if (gate !== null && !this.retention.isPublished(gate)) return false;
      const { steps, held } = stepsOf(this.shape, task, worker.held);
      Object.assign(worker, { list: rest, task, steps, heldAfter: held });
      return true;
    }
    const [step, ...rest] = worker.steps;
    if (step === undefined) throw new Error('a task without steps');
    for (const need of step.needs) {
      if (!this.retention.isPublished(need)) return false;
      if (!this.store.has(taskKey(need)))
        throw new Error(`${taskKey(need)} was dropped, but ${taskKey(worker.task)} needs it`);
    }
    worker.steps = rest;
    if (rest.length === 0) {
      this.publish(worker.task);
      Object.assign(worker, { task: null, held: worker.heldAfter });
    }
    return true;
  }

  publish(task: Task): void {
    this.store.add(taskKey(task));
    for (const dropped of this.retention.publish(task)) expect(this.store.delete(taskKey(dropped))).toBe(true);
    const chapters = this.retention.kept().flatMap((kept) => (kept.kind === 'train' ? [kept.chapter] : []));
    this.mostChapters = Math.max(this.mostChapters, new Set(chapters).size);
  }

  /** Lets nodes take steps in the order of `picks` (a node that has to wait passes); a pick of -1-n kills node n. */
  run(picks: readonly number[]): void {
    let idle = 0;
    for (let i = 0; idle < 2 * this.workers.length; i++) {
      const pick = picks[i] ?? i;
      const node = (pick < 0 ? -1 - pick : pick) % this.workers.length;
      const worker = this.workers[node];
      if (worker === undefined) throw new Error('no such node');
      if (pick < 0) this.workers[node] = this.fresh(this.lists[node] ?? []);
      else idle = this.step(worker) ? 0 : idle + (i < picks.length ? 0 : 1);
    }
  }
}

const resultOf = (shape: GraphShape) =>
  [...allTasks(shape)]
    .filter((task) => isResult(shape, task))
    .map(taskKey)
    .toSorted();

describe('Retention', () => {
  it('keeps what any number of replaced nodes need, and ends with the result alone', () => {
    const picks = fc.array(
      fc.oneof({ weight: 12, arbitrary: fc.nat(100) }, { weight: 1, arbitrary: fc.integer({ min: -100, max: -1 }) }),
      {
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(shapes, variants, nodeCounts, picks, (shape, variant, nodes, order) => {
        const window = defaultWindow(shape, variant, nodes);
        const world = new World(shape, assign(shape, variant, nodes), window);
        world.run(order);
        expect([...world.store].toSorted()).toEqual(resultOf(shape));
        expect(world.retention.kept().map(taskKey).toSorted()).toEqual(resultOf(shape));
        expect(world.mostChapters).toBeLessThanOrEqual(maxKeptChapters(shape, variant, nodes, window));
      }),
      { numRuns: 300 },
    );
  });

  it('survives a death before every single step of a small run', () => {
    const shape: GraphShape = { layers: 3, head: true, splits: 4, predictedLabels: 'all-layers', labelLag: 2 };
    for (const variant of ['sequential', 'single-layer', 'all-layers'] as const) {
      for (const nodes of [1, 2, 3]) {
        for (let death = 0; death < 80; death++) {
          const world = new World(shape, assign(shape, variant, nodes), 9);
          world.run(Array.from({ length: death + 1 }, (_, i) => (i === death ? -1 - (death % nodes) : i)));
          expect([...world.store].toSorted()).toEqual(resultOf(shape));
        }
      }
    }
  });

  it('keeps the newest state of every layer, so that a stopped run can always go on', () => {
    const shape: GraphShape = { layers: 3, head: false, splits: 5, predictedLabels: 'first-layer', labelLag: 1 };
    const retention = new Retention(shape);
    const newest = new Map<number, Task>();
    for (const task of allTasks(shape)) {
      retention.publish(task);
      if (task.kind === 'train') newest.set(task.layer, task);
      for (const state of newest.values()) expect(retention.isKept(state)).toBe(true);
    }
  });

  it('drops an output with its last consumer, and publishing twice changes nothing', () => {
    const shape: GraphShape = { layers: 2, head: false, splits: 3, predictedLabels: 'first-layer', labelLag: 1 };
    const retention = new Retention(shape);
    expect(retention.publish(trainTask(0, 0))).toEqual([]);
    expect(retention.publish(trainTask(0, 0))).toEqual([]);
    retention.publish(trainTask(0, 1));
    expect(retention.publish(labelsTask(1))).toEqual([]);
    expect(retention.publish(trainTask(1, 0))).toEqual([trainTask(0, 0)]);
    expect(retention.publish(trainTask(1, 1))).toEqual([labelsTask(1), trainTask(0, 1)]);
    expect(retention.kept()).toEqual([trainTask(1, 0), trainTask(1, 1)]);
  });
});

describe('run-ahead', () => {
  it('is bounded: without the gate a fast first node would fill the store', () => {
    const shape: GraphShape = { layers: 3, head: false, splits: 40, predictedLabels: 'none', labelLag: 1 };
    const lists = assign(shape, 'single-layer', 3);
    const fastFirst = Array.from({ length: 400 }, () => 0);
    const free = new World(shape, lists, shape.splits);
    free.run(fastFirst);
    expect(free.mostChapters).toBe(40);
    const window = defaultWindow(shape, 'single-layer', 3);
    const gated = new World(shape, lists, window);
    gated.run(fastFirst);
    expect(gated.mostChapters).toBeLessThanOrEqual(window + 1);
    expect(gateOf(shape, trainTask(6, 1), window)).toEqual(trainTask(2, trainedLayers(shape) - 1));
    expect(gateOf(shape, trainTask(3, 0), window)).toBeNull();
    expect(gateOf(shape, labelsTask(6), window)).toBeNull();
  });
});
