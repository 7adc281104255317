/** A node's place in a run, where beats and leaving meet. */
import { afterEach, expect, it } from 'vitest';
import { Membership } from '../../src/node/cluster/membership.js';
import { keys } from '../../src/store/cluster/records.js';
import { Process } from '../faults/virtual-time.js';
import { endStores, world } from '../store/world.js';

afterEach(endStores);

it('a node leaves although a beat of it is on its way', async () => {
  const { time, open, settle } = world();
  const store = await open('aaaa');
  const membership = new Membership({
    store,
    clock: new Process(time, 1, 0),
    name: 'a',
    nodes: 2,
    leaseMs: 600_000,
  });
  membership.keep().catch(() => {});
  await settle();
  expect(membership.number).toBe(0);
  const entry = store.mirror.get(keys.node(0));
  if (entry?.entry?.type !== 'node') throw new Error('there is no node');
  const beating = store.records.swap(keys.node(0), { ...entry.entry.record, beat: 9 }, entry.revision);
  await settle();
  expect(await beating).toBe(true);
  const leaving = membership.leave();
  await settle();
  await leaving;
  expect(store.mirror.get(keys.node(0))?.entry).toMatchObject({ record: { id: 'aaaa', left: true } });
});
