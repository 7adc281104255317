/** What is saved says how far a run is: never less than was published when it was saved, never a task without its needs. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { restore } from '../../src/schedule/restore.js';
import { Retention } from '../../src/schedule/retention.js';
import type { GraphShape } from '../../src/schedule/shape.js';
import { allTasks, isResult, needs, taskKey, type Task } from '../../src/schedule/tasks.js';
import { shapes } from './arbitraries.js';

/** Publishes in a random order that the graph allows, as many tasks as asked. */
function publishSome(
  shape: GraphShape,
  share: number,
  pick: (n: number) => number,
): { published: Task[]; kept: Task[] } {
  const open = [...allTasks(shape)];
  const count = Math.floor(open.length * share);
  const retention = new Retention({ ...shape, splits: Number.POSITIVE_INFINITY });
  const published: Task[] = [];
  for (let i = 0; i < count; i++) {
    const ready = open.filter((task) => needs(shape, task).every((need) => retention.isPublished(need)));
    const task = ready[pick(ready.length)] as Task;
    open.splice(open.indexOf(task), 1);
    retention.publish(task);
    published.push(task);
  }
  return { published, kept: retention.kept() };
}

const cases = fc.record({
  shape: shapes,
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  seed: fc.infiniteStream(fc.nat()),
});

it('a checkpoint has all that was published behind it, and each task to do finds what it needs', () => {
  fc.assert(
    fc.property(cases, fc.nat({ max: 3 }), ({ shape, share, seed }, longer) => {
      const { published, kept } = publishSome(shape, share, (n) => (seed.next().value as number) % n);
      const keys = new Set(kept.map(taskKey));
      // The run may also be prolonged.
      const prolonged = { ...shape, splits: shape.splits + longer };
      const restored = restore(prolonged, (task) => keys.has(taskKey(task)));
      const done = new Set(restored.published.map(taskKey));
      expect(published.filter((task) => !done.has(taskKey(task)))).toEqual([]);
      checkWhole(prolonged, keys);
    }),
  );
});

it('whatever is lost of it is done again, with all that this takes', () => {
  fc.assert(
    fc.property(cases, fc.infiniteStream(fc.boolean()), ({ shape, share, seed }, lost) => {
      const { kept } = publishSome(shape, share, (n) => (seed.next().value as number) % n);
      const keys = new Set(kept.filter(() => lost.next().value === false).map(taskKey));
      checkWhole(shape, keys);
    }),
  );
});

/** Every task to do finds each of its needs saved or to be done; every result is saved or to be done. */
function checkWhole(shape: GraphShape, saved: ReadonlySet<string>): void {
  const { published, kept } = restore(shape, (task) => saved.has(taskKey(task)));
  const done = new Set(published.map(taskKey));
  const open = [...allTasks(shape)].filter((task) => !done.has(taskKey(task)));
  const needed = [...open.flatMap((task) => needs(shape, task)), ...published.filter((task) => isResult(shape, task))];
  expect(needed.filter((task) => done.has(taskKey(task)) && !saved.has(taskKey(task)))).toEqual([]);
  const wanted = new Set(needed.map(taskKey).filter((key) => done.has(key)));
  expect(new Set(kept.map(taskKey))).toEqual(wanted);
}
