/** Real node processes and a real server: killed, frozen, slowed, restarted, wiped. The bits stay those of one sequential run. */
import type { Msg } from '@nats-io/transport-node';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RandomStream } from '../../src/random.js';
import { objectives } from '../../src/objectives/table.js';
import { resolveSpec, type RunSpec } from '../../src/spec/spec.js';
import { connectNats } from '../../src/store/nats/connect.js';
import { Fleet, follow, sequentialDigest } from './fleet.js';
import { sleep, type Pff } from './server.js';

const fleet = new Fleet();
let sequential = '';

beforeAll(async () => {
  sequential = await sequentialDigest();
});
afterEach(() => fleet.end());

/** Freezes a node again and again, so that it has a tenth of its time, until the returned function is called. */
function slowDown(node: Pff): () => void {
  const freezing = setInterval(() => {
    node.child.kill('SIGSTOP');
    setTimeout(() => node.child.kill('SIGCONT'), 180);
  }, 200);
  return () => clearInterval(freezing);
}

/** All that train layer by layer: baselines run on one node. */
const layerwise = objectives.names.filter((name) => objectives.get(name).trains === 'layer');

describe('a cluster of processes', () => {
  it.each(['all-layers', 'single-layer'] as const)('%s on 4 nodes gives the bits of sequential', async (variant) => {
    const at = await fleet.server();
    for (let i = 0; i < 4; i++) fleet.node(at);
    expect((await follow({ server: at.url }, {}, { variant, nodes: 4 })).digest).toBe(sequential);
  });

  it('convolutions on 2 nodes, one of which is killed, give the bits of sequential', async () => {
    const given = resolveSpec({
      layers: ['1x28x28', 'conv8s2+bn', 'conv12+bn+max2', 32],
      objective: 'pred',
      trainSamples: 1000,
      testSamples: 100,
      epochs: 4,
      batch: 32,
    });
    const at = await fleet.server();
    const [, second] = [fleet.node(at), fleet.node(at)];
    const killed = { 3: () => void second?.child.kill('SIGKILL') };
    const { digest } = await follow({ server: at.url }, killed, { spec: given });
    expect(digest).toBe(await sequentialDigest(given));
  });

  it('convolutions with every objective on 2 nodes, one of which is killed and replaced, give the bits of sequential', async () => {
    const at = await fleet.server();
    const [, second] = [fleet.node(at), fleet.node(at)];
    const specOf = (objective: string): RunSpec =>
      resolveSpec({
        // Channels that the ten classes divide, for objectives that cut them into groups.
        layers: ['1x28x28', 'max2+conv10k5s2+bn', 'conv10+rms+max2', 20],
        objective,
        trainSamples: 200,
        testSamples: 50,
        epochs: 2,
        batch: 32,
      });
    const killed = {
      2: () => {
        second?.child.kill('SIGKILL');
        fleet.node(at);
      },
    };
    const found = await Promise.all(
      layerwise.map(async (objective, i) => {
        const options = { spec: specOf(objective), run: `with-${objective}` };
        return [objective, (await follow({ server: at.url }, i === 1 ? killed : {}, options)).digest] as const;
      }),
    );
    const expected: (readonly [string, string])[] = [];
    for (const objective of layerwise) expected.push([objective, await sequentialDigest(specOf(objective))]);
    expect(found).toEqual(expected);
    expect(new Set(found.map(([, digest]) => digest)).size).toBe(layerwise.length);
  });

  it('more slots than nodes, a node that joins in the middle, and a slow one', async () => {
    const at = await fleet.server();
    const first = fleet.node(at);
    let stop = (): void => {};
    const { digest } = await follow(
      { server: at.url },
      {
        4: () => void fleet.node(at),
        6: () => {
          stop = slowDown(first);
        },
      },
      { nodes: 3 },
    );
    stop();
    expect(digest).toBe(sequential);
  });

  it('a node is killed, another frozen for longer than its lease, all are gone for a while', async () => {
    const at = await fleet.server();
    const [first, second] = [fleet.node(at), fleet.node(at)];
    const { digest, notices } = await follow(
      { server: at.url },
      {
        3: async () => {
          second.child.kill('SIGSTOP');
          await sleep(3000);
          second.child.kill('SIGCONT');
        },
        9: async () => {
          first.child.kill('SIGKILL');
          second.child.kill('SIGKILL');
          await sleep(3000);
          fleet.node(at);
        },
      },
    );
    expect(digest).toBe(sequential);
    expect(notices).toMatch(/is gone/);
    expect(notices).toMatch(/no node is there; waiting for one/);
  });

  it('the server is frozen for longer than a lease, then killed and started again, then comes back with nothing', async () => {
    const at = await fleet.server();
    fleet.node(at);
    fleet.node(at);
    const { digest } = await follow(
      { server: at.url },
      {
        3: async () => {
          at.signal('SIGSTOP');
          await sleep(3000);
          at.signal('SIGCONT');
        },
        7: async () => {
          await at.kill();
          await sleep(1500);
          await at.start();
        },
        11: async () => {
          await at.kill();
          at.wipe();
          await at.start();
        },
      },
    );
    expect(digest).toBe(sequential);
  });

  it('every message comes a second time, late and in another order', async () => {
    const at = await fleet.server();
    fleet.node(at);
    fleet.node(at);
    const echo = await connectNats({ server: at.url }, 'echo');
    fleet.atEnd(() => echo.close());
    const random = new RandomStream(1, 'test', 1);
    const keys = new Set<string>();
    let sent = 0;
    const again = ({ subject, data, headers }: Msg): void => {
      // Not what it has itself sent.
      const key = `${subject} ${headers?.get('Nats-Expected-Last-Subject-Sequence') ?? ''} ${data.length}`;
      if (keys.has(key)) return;
      keys.add(key);
      const copy = Uint8Array.from(data);
      setTimeout(() => {
        sent += 1;
        if (!echo.isClosed()) echo.publish(subject, copy, headers ? { headers } : {});
      }, random.below(400));
    };
    for (const subject of ['pff.test.*.k.>', 'pff.test.*.s.>', 'pff.test.h'])
      echo.subscribe(subject, { callback: (error, message) => (error ? undefined : again(message)) });
    expect((await follow({ server: at.url })).digest).toBe(sequential);
    expect(sent).toBeGreaterThan(40);
  });
});
