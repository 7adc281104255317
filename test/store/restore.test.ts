/**
 * A process that was killed while it saved leaves files of several savings, such as a layer of the last chapter beside layers of
 * one long before. Whatever is found, the run goes on to its end with every task finding what it needs.
 */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { restore } from '../../src/schedule/restore.js';
import { allTasks, needs, taskKey, type Task } from '../../src/schedule/tasks.js';
import { trainedLayers, type GraphShape } from '../../src/schedule/shape.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { MemoryStore } from '../../src/store/memory.js';
import { KeptStore, openOwnStore } from '../../src/store/own-store.js';
import type { Output } from '../../src/store/store.js';
import { shapes } from '../schedule/arbitraries.js';

/** An output that says which task it is of. */
function outputOf(task: Task): Output {
  const bytes = new TextEncoder().encode(taskKey(task));
  const buffer = new SharedArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  return { steps: task.chapter, buffer };
}

const nameIn = ({ buffer }: Output): string => Buffer.from(new Uint8Array(buffer)).toString();

async function keptStore(shape: GraphShape): Promise<{ store: KeptStore; kept: Map<string, Uint8Array> }> {
  const kept = new Map<string, Uint8Array>();
  const own = {
    put: (key: string, bytes: Uint8Array) => Promise.resolve(void kept.set(key, bytes)),
    get: (key: string) => Promise.resolve(kept.get(key)),
    delete: (key: string) => Promise.resolve(void kept.delete(key)),
  };
  const run = { spec: resolveSpec({}), folder: undefined };
  return { store: new KeptStore(shape, await openOwnStore(own, run)), kept };
}

it('from whatever was found, the run comes to its end', async () => {
  const cases = fc.record({
    shape: shapes,
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    seed: fc.infiniteStream(fc.nat(999)),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ shape, share, seed }) => {
      const next = (): number => seed.next().value as number;
      const tasks = [...allTasks(shape)];
      const found = new Map(
        tasks.filter(() => next() < 1000 * share).map((task) => [taskKey(task), outputOf(task)] as const),
      );
      const { published } = restore(shape, (task) => found.has(taskKey(task)));
      const own = await keptStore(shape);
      for (const store of [new MemoryStore(shape), own.store]) {
        await store.restore(published, found);
        const done = new Set(published.map(taskKey));
        const open = tasks.filter((task) => !done.has(taskKey(task)));
        while (open.length > 0) {
          const ready = open.filter((task) => needs(shape, task).every((need) => done.has(taskKey(need))));
          const task = ready[next() % ready.length] as Task;
          for (const need of needs(shape, task))
            expect(nameIn(await store.fetch(need, new AbortController().signal))).toBe(taskKey(need));
          await store.publish(task, outputOf(task));
          done.add(taskKey(task));
          open.splice(open.indexOf(task), 1);
        }
        const results = Array.from({ length: trainedLayers(shape) }, (_, layer) => `c${shape.splits - 1}.l${layer}`);
        expect((await store.result()).map(nameIn)).toEqual(results);
        expect((await store.newest()).map(({ task }) => taskKey(task))).toEqual(results);
      }
      expect([...own.kept.keys()].toSorted()).toEqual(
        Array.from({ length: trainedLayers(shape) }, (_, layer) => `c${shape.splits - 1}.l${layer}`).toSorted(),
      );
    }),
  );
});
