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

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)] as const;

function memberOf(
  store: Awaited<ReturnType<ReturnType<typeof world>['open']>>,
  clock: Process,
  data: string,
): Membership {
  return new Membership({ store, clock, name: data, nodes: 3, leaseMs: 60_000, data });
}

it('data that have a slot of a federated run get no other one, also where their node was started again', async () => {
  const { time, open, settle } = world();
  const more = { nodes: 3 };
  const [first, again, other] = [await open('aaaa', more), await open('bbbb', more), await open('cccc', more)];
  const before = memberOf(first, new Process(time, 1, 0), A);
  before.keep().catch(() => {});
  await settle();
  expect(before.number).toBe(0);
  await first.close();
  await settle();
  const members = [memberOf(again, new Process(time, 2, 0), A), memberOf(other, new Process(time, 3, 0), B)];
  for (const member of members) member.keep().catch(() => {});
  await settle();
  // The lease of the killed one has not run out: its data wait beyond the slots.
  expect(members[0]?.number).toBeGreaterThanOrEqual(3);
  expect(members[1]?.number).toBe(1);
  await settle(150_000);
  expect(members.map(({ number }) => number)).toEqual([0, 1]);
});

it('a number that was taken, of which the answer was lost, is the own one', async () => {
  const { time, open, settle } = world();
  const store = await open('aaaa', { nodes: 3 });
  const swap = store.records.swap.bind(store.records);
  let lost = 0;
  store.records.swap = async (...asked) => (await swap(...asked)) && lost++ > 0;
  const member = memberOf(store, new Process(time, 1, 0), A);
  member.keep().catch(() => {});
  await settle();
  expect(member.number).toBe(0);
  expect(store.mirror.nodes().map(({ number }) => number)).toEqual([0]);
});

it('two nodes with the same data, both alive, get a slot each', async () => {
  const { time, open, settle } = world();
  const more = { nodes: 3 };
  const stores = [await open('aaaa', more), await open('bbbb', more)] as const;
  const members = stores.map((store, i) => memberOf(store, new Process(time, 1 + i, 0), A));
  for (const member of members) {
    member.keep().catch(() => {});
    await settle();
  }
  await settle(60_000);
  expect(new Set(members.map(({ number }) => number))).toEqual(new Set([0, 1]));
});
