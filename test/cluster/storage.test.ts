/** What the servers keep: three replicated ones of which one is killed, a stream that is full, a disk that is full. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, unlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fillDisk } from '../helpers/fill-disk.js';
import { messageOf } from '../../src/errors.js';
import { listRuns } from '../../src/run/cluster/manage.js';
import { connectNats } from '../../src/store/nats/connect.js';
import { NatsApi } from '../../src/store/nats/api.js';
import { stateStream } from '../../src/store/nats/engine.js';
import { NatsRegistry, REGISTRY_STREAM } from '../../src/store/nats/registry.js';
import { Fleet, follow, sequentialDigest } from './fleet.js';
import { freePort, sleep, type Pff, type TestServer } from './server.js';

const fleet = new Fleet();
let sequential = '';
beforeAll(async () => {
  sequential = await sequentialDigest();
});
afterEach(() => fleet.end());

async function saysWithin(node: Pff, text: RegExp, ms: number): Promise<void> {
  for (const end = Date.now() + ms; !text.test(node.text) && Date.now() < end;) await sleep(100);
  expect(node.text).toMatch(text);
}

describe('three replicated servers', () => {
  it('one of them is killed in the middle of a run', async () => {
    const routes = [await freePort(), await freePort(), await freePort()];
    const list = routes.map((port) => `nats://127.0.0.1:${port}`).join(', ');
    const servers: TestServer[] = [];
    for (const [i, port] of routes.entries())
      servers.push(
        await fleet.server(
          `server_name: s${i}\ncluster { name: pff, listen: "127.0.0.1:${port}", routes: [${list}] }\n`,
        ),
      );
    const all = servers.map(({ url }) => url).join(',');
    const node = fleet.node({ url: all });
    fleet.node({ url: all });
    // The servers take a moment to find each other and to choose who leads.
    await saysWithin(node, /looking for runs/, 20_000);
    // The register may be of an earlier run that one server was enough for.
    const connection = await connectNats({ server: all }, 'test');
    await new NatsRegistry(new NatsApi(connection)).open(1);
    const { digest } = await follow({ server: all }, { 6: () => servers[1]?.kill() }, { replicas: 3 });
    expect(digest).toBe(sequential);
    const info = await connection.request(`$JS.API.STREAM.INFO.${REGISTRY_STREAM}`);
    expect(info.json()).toMatchObject({ config: { num_replicas: 3 } });
    await connection.close();
  }, 120_000);
});

/** As an operator does. */
async function limit(at: TestServer, bytes: number): Promise<void> {
  const operator = await connectNats({ server: at.url }, 'operator');
  const stream = stateStream('test');
  const info = (await operator.request(`$JS.API.STREAM.INFO.${stream}`)).json<{ config: object }>();
  await operator.request(`$JS.API.STREAM.UPDATE.${stream}`, JSON.stringify({ ...info.config, max_bytes: bytes }));
  await operator.close();
}

describe('no room', () => {
  it('a stream that is full makes nodes wait, and say so; with more room the run goes on', async () => {
    const at = await fleet.server();
    const node = fleet.node(at);
    const run = follow({ server: at.url }, {}, { maxBytes: 50_000_000 });
    await saysWithin(node, /joined run/, 30_000);
    // Less than the states of one chapter.
    await limit(at, 1_000_000);
    await saysWithin(node, /waiting: the server refused .*maximum bytes exceeded/, 30_000);
    await limit(at, 50_000_000);
    expect((await run).digest).toBe(sequential);
  });

  it('a limit that the run may come to wait at for ever is refused when it is submitted, and the one it names is enough', async () => {
    const at = await fleet.server();
    const refused = await follow({ server: at.url }, {}, { maxBytes: 2_000_000 }).catch((error: unknown) => error);
    const least = /may need (\d+) bytes on the server/.exec(messageOf(refused))?.[1];
    expect(messageOf(refused)).toMatch(/maxBytes is 2000000, but the run may need/);
    expect(await listRuns({ server: at.url })).toEqual([]);
    for (let i = 0; i < 2; i++) fleet.node(at);
    expect((await follow({ server: at.url }, {}, { maxBytes: Number(least) })).digest).toBe(sequential);
  });

  it("the server's disk is full: the run waits, and goes on once there is room and the server was started again", async (context) => {
    const disk = mkdtempSync(path.join(os.tmpdir(), 'pff-disk-'));
    fleet.atEnd(() => rmSync(disk, { recursive: true, force: true }));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk], { stdio: 'pipe' });
    } catch (error) {
      context.skip(`a small file system could not be mounted (that takes root): ${String(error)}`);
    }
    fleet.atEnd(() => void execFileSync('umount', ['-l', disk]));
    const at = await fleet.server('', path.join(disk, 'js'));
    const node = fleet.node(at);
    fleet.node(at);
    const other = path.join(disk, 'other');
    const { digest } = await follow(
      { server: at.url },
      {
        5: async () => {
          fillDisk(other);
          await saysWithin(node, /waiting: /, 30_000);
          unlinkSync(other);
          await at.kill();
          await at.start();
        },
      },
    );
    expect(digest).toBe(sequential);
  });
});
