/** The model of a run that goes on: a state that is dropped while it is fetched is no failure where a newer one took its place. */
import { expect, it } from 'vitest';
import { fetchNewest } from '../../src/run/cluster/fetch-model.js';
import { trainTask, type Task } from '../../src/schedule/tasks.js';
import { MissingOutput } from '../../src/store/cluster/outputs.js';
import { PffError } from '../../src/errors.js';
import { shape } from '../store/world.js';

/** A store in which layer 0 is at chapter 5, which is dropped when it is fetched `drops` times. @param step to the chapter that is the newest then */
function storeAt(drops: number, step: number): { store: Parameters<typeof fetchNewest>[0]; asked: number[] } {
  let chapter = 5;
  const asked: number[] = [];
  const mirror = {
    all: () => [{ entry: { type: 'task', task: trainTask(chapter, 0) } }].values(),
    done: () => ({}),
  };
  const fetch = (task: Task): Promise<object> => {
    asked.push(task.chapter);
    if (asked.length > drops) return Promise.resolve({ steps: 3, buffer: new ArrayBuffer(0) });
    chapter += step;
    return Promise.reject(new MissingOutput('dropped'));
  };
  const store = { mirror, shape: { ...shape, splits: 10 }, signal: new AbortController().signal, fetch };
  return { store: store as unknown as Parameters<typeof fetchNewest>[0], asked };
}

const notYet = (layer: number): PffError => new PffError('cluster', `layer ${layer} has none`);

it('fetches the state that took its place', async () => {
  const { store, asked } = storeAt(2, 1);
  expect((await fetchNewest(store, 0, notYet)).task).toEqual(trainTask(7, 0));
  expect(asked).toEqual([5, 6, 7]);
});

it('says so where nothing took its place, or there was never one', async () => {
  // One that was lost leaves the chapter before, whose chunks are gone.
  for (const step of [0, -1]) {
    const { store, asked } = storeAt(1, step);
    await expect(fetchNewest(store, 0, notYet)).rejects.toThrow('dropped');
    expect(asked).toEqual([5]);
  }
  await expect(fetchNewest(storeAt(0, 0).store, 1, notYet)).rejects.toThrow('layer 1 has none');
});
