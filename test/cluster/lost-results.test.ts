/** A finished run whose server has lost its layers: whoever asks for them is told so, at once, and the records stay as they are. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { attachRun } from '../../src/run/cluster/attach.js';
import { fetchModel } from '../../src/run/cluster/fetch-model.js';
import { listRuns, runStatus } from '../../src/run/cluster/manage.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { NatsApi } from '../../src/store/nats/api.js';
import { connectNats } from '../../src/store/nats/connect.js';
import { NatsEngine, stateStream } from '../../src/store/nats/engine.js';
import { Fleet, follow } from './fleet.js';
import { recordOf } from './records.js';
import type { TestServer as Server } from './server.js';

const fleet = new Fleet();
afterEach(() => fleet.end());

const spec = resolveSpec({ layers: [784, 16, 16], trainSamples: 300, testSamples: 50, epochs: 2, batch: 32, seed: 4 });

async function attached({ url }: Server): Promise<void> {
  for await (const event of attachRun({ server: { server: url }, run: 'test' })) void event;
}

async function fetched({ url }: Server): Promise<unknown> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-lost-'));
  try {
    return await fetchModel({ server: url }, 'test', path.join(folder, 'out'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it('the chunks of its states are gone', async () => {
  const at = await fleet.server();
  const node = fleet.node(at, '--once');
  await follow({ server: at.url }, {}, { spec });
  await node.exited;
  const connection = await connectNats({ server: at.url }, 'test');
  await new NatsApi(connection).purge(stateStream('test'), '>');
  await connection.close();
  const before = await runStatus({ server: at.url }, 'test');
  const lost = {
    message: 'run test is finished, but the server has lost its layers',
    hint: expect.stringMatching(/Submit it again/),
  };
  await expect(fetched(at)).rejects.toMatchObject(lost);
  await expect(attached(at)).rejects.toMatchObject(lost);
  expect((await runStatus({ server: at.url }, 'test')).tasksDone).toBe(before.tasksDone);
  expect(before.tasksDone).toBe(before.tasks);
});

it('the server had all of it in memory, and was started again', async () => {
  const at = await fleet.server();
  const node = fleet.node(at, '--once');
  await follow({ server: at.url }, {}, { spec, storage: 'memory' });
  await node.exited;
  expect((await listRuns({ server: at.url }))[0]?.state).toBe('finished');
  await at.kill();
  await at.start();
  const lost = { message: expect.stringMatching(/has lost its layers, which were in memory \(--storage memory\)/) };
  await expect(fetched(at)).rejects.toMatchObject(lost);
  await expect(attached(at)).rejects.toMatchObject(lost);
});

it('a chunk of a run whose stream of states is gone is no matter of waiting: the stream is made again', async () => {
  const at = await fleet.server();
  const connection = await connectNats({ server: at.url }, 'test');
  fleet.atEnd(() => connection.close());
  const api = new NatsApi(connection);
  const record = recordOf({}, 'test');
  const engine = new NatsEngine(api, record, record, () => Promise.resolve());
  await engine.open();
  await api.deleteStream(stateStream('test'));
  const chunk = new Uint8Array(3);
  await expect(engine.putChunk('c0.l0.d.0', chunk)).rejects.toMatchObject({ kind: 'gone' });
  await engine.open();
  await engine.putChunk('c0.l0.d.0', chunk);
  expect(await engine.getChunk('c0.l0.d.0')).toHaveLength(3);
});
