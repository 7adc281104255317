/** The model of a run that goes on: a state that is dropped while it is fetched is no failure where a newer one took its place. */
import { expect, it } from 'vitest';
import { fetchNewest } from '../../src/run/cluster/fetch-model.js';
import { trainTask, type Task } from '../../src/schedule/tasks.js';
import { MissingOutput } from '../../src/store/cluster/outputs.js';
import { PffError } from '../../src/errors.js';
import { shape } from '../store/world.js';

/** A store in which layer 0 is at a chapter, which is dropped when it is fetched `drops` times. @param goesOn whether another one follows it */
function storeAt(drops: number, goesOn: boolean): { store: Parameters<typeof fetchNewest>[0]; asked: number[] } {
  let chapter = 0;
  const asked: number[] = [];
  const mirror = {
    all: () => [{ entry: { type: 'task', task: trainTask(chapter, 0) } }].values(),
    done: () => ({}),
  };
  const fetch = (task: Task): Promise<object> => {
    asked.push(task.chapter);
    if (asked.length > drops) return Promise.resolve({ steps: 3, buffer: new ArrayBuffer(0) });
    if (goesOn) chapter += 1;
    return Promise.reject(new MissingOutput('dropped'));
  };
  const store = { mirror, shape, signal: new AbortController().signal, fetch };
  return { store: store as unknown as Parameters<typeof fetchNewest>[0], asked };
}

const notYet = (layer: number): PffError => new PffError('cluster', `layer ${layer} has none`);

it('fetches the state that took its place', async () => {
  const { store, asked } = storeAt(2, true);
  expect((await fetchNewest(store, 0, notYet)).task).toEqual(trainTask(2, 0));
  expect(asked).toEqual([0, 1, 2]);
});

it('says so where nothing took its place, or there was never one', async () => {
  const { store } = storeAt(1, false);
  await expect(fetchNewest(store, 0, notYet)).rejects.toThrow('dropped');
  await expect(fetchNewest(store, 1, notYet)).rejects.toThrow('layer 1 has none');
});
