/** What is wanted, kept up to date task by task, is what follows from the graph and what is published, whatever vanishes. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { GraphShape } from '../../src/schedule/shape.js';
import {
  allTasks,
  consumers,
  isResult,
  needs,
  taskCount,
  taskKey,
  trainTask,
  type Task,
} from '../../src/schedule/tasks.js';
import { Wanted } from '../../src/schedule/wanted.js';

const shapes: fc.Arbitrary<GraphShape> = fc.record({
  layers: fc.integer({ min: 1, max: 4 }),
  head: fc.boolean(),
  splits: fc.integer({ min: 1, max: 6 }),
  predictedLabels: fc.constantFrom('none', 'first-layer', 'all-layers'),
  labelLag: fc.integer({ min: 1, max: 3 }),
});

/** By the definition, again. */
function wantedKeys(shape: GraphShape, published: ReadonlySet<string>): Set<string> {
  const wanted = new Set<string>();
  for (const task of [...allTasks(shape)].toReversed())
    if (!published.has(taskKey(task)))
      if (isResult(shape, task) || consumers(shape, task).some((user) => wanted.has(taskKey(user))))
        wanted.add(taskKey(task));
  return wanted;
}

it('follows whatever is published and lost', () => {
  fc.assert(
    fc.property(
      shapes,
      fc.array(fc.nat(), { maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      (shape, flips, window) => {
        const tasks = [...allTasks(shape)];
        expect(taskCount(shape)).toBe(tasks.length);
        const published = new Set<string>();
        const wanted = new Wanted(shape, () => false);
        for (const flip of [0, ...flips]) {
          const task = tasks[flip % tasks.length] as Task;
          const key = taskKey(task);
          const now = !published.has(key);
          if (now) published.add(key);
          else published.delete(key);
          wanted.set(task, now);
          const expected = wantedKeys(shape, published);
          const ready = tasks.filter((each) => {
            if (!expected.has(taskKey(each)) || needs(shape, each).some((need) => expected.has(taskKey(need))))
              return false;
            const gate = trainTask(each.chapter - window, shape.layers + (shape.head ? 1 : 0) - 1);
            return each.kind === 'labels' || each.chapter < window || !expected.has(taskKey(gate));
          });
          for (const view of [wanted, new Wanted(shape, (each) => published.has(taskKey(each)))]) {
            expect(view.tasks().map(taskKey)).toEqual(tasks.map(taskKey).filter((each) => expected.has(each)));
            expect(view.size).toBe(expected.size);
            expect(view.finished).toBe(expected.size === 0);
            expect(view.ready(window).map(taskKey)).toEqual(ready.map(taskKey));
          }
        }
      },
    ),
  );
});
