/** A node that its user ends (Ctrl-C, SIGTERM) leaves the run: its slot and its task are free at once, no lease has to run out. */
import { afterEach, expect, it } from 'vitest';
import { runStatus } from '../../src/run/cluster/manage.js';
import { withRun } from '../../src/run/cluster/with-run.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { Fleet, follow } from './fleet.js';

const fleet = new Fleet();
afterEach(() => fleet.end());

/** Chapters that take some seconds: a task is under way when the node is told to end. */
const slow = resolveSpec({ layers: [784, 400, 400], trainSamples: 10_000, testSamples: 100, epochs: 40, splits: 4 });

it.each(['SIGINT', 'SIGTERM'] as const)('%s ends a node cleanly', async (name) => {
  const at = await fleet.server();
  const server = { server: at.url };
  const node = fleet.node(at);
  const enough = new AbortController();
  const following = follow(server, {}, { spec: slow, nodes: 1, variant: 'sequential', signal: enough.signal });
  following.catch(() => {});
  await expect.poll(() => claims(server), { timeout: 20_000 }).toBe(1);
  node.child.kill(name);
  expect(await node.exited, node.text).toBe(0);
  expect(node.text).toContain('left run test');
  const { present } = await runStatus(server, 'test');
  expect(present).toMatchObject([{ number: 0, state: 'left' }]);
  expect(await claims(server)).toBe(0);
  enough.abort();
  await expect(following).rejects.toThrow(/detached/);
});

it('a node whose server does not answer is not kept by it', async () => {
  const at = await fleet.server();
  const node = fleet.node(at);
  const enough = new AbortController();
  const following = follow({ server: at.url }, {}, { spec: slow, nodes: 1, signal: enough.signal });
  following.catch(() => {});
  await expect.poll(() => node.text, { timeout: 20_000 }).toContain('joined run test');
  at.signal('SIGSTOP');
  node.child.kill('SIGTERM');
  expect(await node.exited, node.text).toBe(0);
  at.signal('SIGCONT');
  enough.abort();
  await expect(following).rejects.toThrow(/detached/);
});

it('a node that refused a run says that it has to be started again', async () => {
  const at = await fleet.server();
  const node = fleet.node(at, '--datasets', 'fashion-mnist');
  const enough = new AbortController();
  const following = follow({ server: at.url }, {}, { spec: slow, nodes: 1, signal: enough.signal });
  following.catch(() => {});
  await expect
    .poll(() => node.text, { timeout: 20_000 })
    .toMatch(/refused: .*\(--datasets\)\. To work on run test, mend that, then start this node again$/m);
  enough.abort();
  await expect(following).rejects.toThrow(/detached/);
});

/** How many tasks are claimed, once there is the run. */
async function claims(server: { readonly server: string }): Promise<number> {
  const counted = withRun(server, 'test', (store) => Promise.resolve([...store.mirror.claims()].length));
  return counted.catch(() => 0);
}
