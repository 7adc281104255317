/** Processes that only look on: what they believe, what they keep in memory, and the word that stops a run. */
import { afterEach, expect, it } from 'vitest';
import { signerFromSeed, verifySignature } from '../../src/audit/identity.js';
import { sinceTheRun } from '../../src/run/cluster/follow.js';
import { trainTask, type Task } from '../../src/schedule/tasks.js';
import { encodeRecord, keys } from '../../src/store/cluster/records.js';
import { BYTES, endStores, world } from './world.js';

afterEach(endStores);

const output = (value: number) => ({ steps: 3, buffer: new Float32Array(BYTES / 4).fill(value).buffer });
const failed = encodeRecord({
  v: 1,
  by: 'guest',
  name: 'guest',
  error: { name: 'PffError', code: 'data', message: 'they do not fit' },
});

it('whoever knows that the data fit does not believe who says that they do not', async () => {
  const { server, open, settle } = world();
  const [knows, other] = [await open('share', { fits: true }), await open('other')];
  server.write(keys.failed, failed, undefined);
  await settle();
  expect(knows.failure()).toBeUndefined();
  expect(other.failure()?.error.message).toBe('they do not fit');
});

it('forgets layers that it has looked at once no task needs them', async () => {
  const { open, settle } = world();
  const [node, follower] = [await open('node'), await open('follower')];
  const looked: Task[] = [];
  let kept = 0;
  for (let chapter = 0; chapter < 3; chapter++)
    for (let layer = 0; layer < 2; layer++) {
      const task = trainTask(chapter, layer);
      const publishing = node.publish(task, output(chapter));
      await settle();
      await publishing;
      const looking = follower.fetch(task, follower.signal);
      await settle();
      await looking;
      follower.dropping.forget();
      looked.push(task);
      kept = Math.max(kept, looked.filter((each) => follower.cached(each) !== undefined).length);
    }
  expect(kept).toBeLessThanOrEqual(2);
});

it('stops an audited run over a word of somebody who may not', async () => {
  const { server, open, settle } = world();
  const owner = signerFromSeed(new Uint8Array(32).fill(1));
  const audits = { context: 'c', rate: 1, owner: owner.key, verify: verifySignature, signer: owner };
  const store = await open('owner', { audits });
  server.write(keys.stop, encodeRecord({ v: 1, by: 'm', name: 'm', text: 'stopped' }), undefined);
  await settle();
  expect(store.stopped).toBe(false);
  const word = { v: 1, by: 'owner', name: 'owner', text: 'stopped', ...store.audits?.stopSignature() } as const;
  const telling = store.records.tellOver(keys.stop, word, () => store.stopped);
  await settle();
  expect(await telling).toBe(true);
  expect(store.stopped).toBe(true);
});

it('puts what a node with a clock that is behind tells at the beginning of the run', () => {
  const spans = [
    { start: -600, end: -590 },
    { start: -590, end: -588 },
  ];
  expect(sinceTheRun(spans)).toEqual([
    { start: 0, end: 10 },
    { start: 10, end: 12 },
  ]);
  const later = [{ start: 3, end: 4 }];
  expect(sinceTheRun(later)).toBe(later);
});
