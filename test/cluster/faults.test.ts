/** Real node processes and a real server: killed, frozen, restarted, wiped. The bits stay those of one sequential run. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/run/events.js';
import { train, trainToEnd } from '../../src/run/train.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { Pff, sleep, TestServer } from './server.js';

const spec = resolveSpec({
  layers: [784, 128, 128, 96],
  trainSamples: 3000,
  testSamples: 200,
  epochs: 6,
  batch: 32,
  seed: 9,
});
const servers: TestServer[] = [];
const nodes: Pff[] = [];
let sequential = '';

beforeAll(async () => {
  sequential = (await trainToEnd({ spec, threadsPerNode: 1 })).modelDigest;
});

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.end();
  for (const started of servers.splice(0)) await started.close();
});

async function server(): Promise<TestServer> {
  const started = await TestServer.start();
  servers.push(started);
  return started;
}

function addNode(at: TestServer): Pff {
  const node = new Pff('node', '--server', at.url, '--threads', '1');
  nodes.push(node);
  return node;
}

/** Follows a run to its end and does something after so many finished tasks. Returns digest and notices. */
async function follow(
  at: TestServer,
  variant: 'all-layers' | 'single-layer',
  slots: number,
  faults: Readonly<Record<number, () => void | Promise<void>>> = {},
): Promise<{ digest: string; notices: string }> {
  let tasks = 0;
  let digest = '';
  const notices: string[] = [];
  const pending: Promise<void>[] = [];
  const cluster = { server: { server: at.url }, run: 'test', leaseMs: 1500 };
  const see = (event: RunEvent): void => {
    if (event.type === 'notice') notices.push(event.text);
    if (event.type === 'task-finished') pending.push(Promise.resolve(faults[++tasks]?.()));
    if (event.type === 'finished') digest = event.result.modelDigest;
  };
  for await (const event of train({ spec, variant, nodes: slots, cluster })) see(event);
  await Promise.all(pending);
  return { digest, notices: notices.join('\n') };
}

describe('a cluster of processes', () => {
  it.each(['all-layers', 'single-layer'] as const)('%s on 4 nodes gives the bits of sequential', async (variant) => {
    const at = await server();
    for (let i = 0; i < 4; i++) addNode(at);
    expect((await follow(at, variant, 4)).digest).toBe(sequential);
  });

  it('more slots than nodes, and a node that joins in the middle', async () => {
    const at = await server();
    addNode(at);
    expect((await follow(at, 'all-layers', 3, { 4: () => void addNode(at) })).digest).toBe(sequential);
  });

  it('a node is killed, another frozen for longer than its lease, all are gone for a while', async () => {
    const at = await server();
    const [first, second] = [addNode(at), addNode(at)];
    const { digest, notices } = await follow(at, 'all-layers', 2, {
      3: async () => {
        second.child.kill('SIGSTOP');
        await sleep(3000);
        second.child.kill('SIGCONT');
      },
      9: async () => {
        first.child.kill('SIGKILL');
        second.child.kill('SIGKILL');
        await sleep(3000);
        addNode(at);
      },
    });
    expect(digest).toBe(sequential);
    expect(notices).toMatch(/is gone/);
    expect(notices).toMatch(/no node is there; waiting for one/);
  });

  it('the server is killed and started again', async () => {
    const at = await server();
    addNode(at);
    addNode(at);
    const { digest } = await follow(at, 'all-layers', 2, {
      4: async () => {
        await at.kill();
        await sleep(1500);
        await at.start();
      },
    });
    expect(digest).toBe(sequential);
  });

  it('the server comes back with nothing of what it had', async () => {
    const at = await server();
    addNode(at);
    addNode(at);
    const { digest } = await follow(at, 'all-layers', 2, {
      6: async () => {
        await at.kill();
        at.wipe();
        await at.start();
      },
    });
    expect(digest).toBe(sequential);
  });
});
