/** Who may do what: wrong secrets, missing permissions, other data, hostile messages, and what a federated run sends. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { writeIdx } from '../../src/data/idx.js';
import { labelLayout, labelNorms, rowScales } from '../../src/data/labels.js';
import { RandomStream } from '../../src/random.js';
import { runRecord, runStatus } from '../../src/run/cluster/manage.js';
import { train, trainToEnd } from '../../src/run/train.js';
import { resolveSpec, type PartialSpec } from '../../src/spec/spec.js';
import { connectNats } from '../../src/store/nats/connect.js';
import { Pff, TestServer } from './server.js';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startServer(config = ''): Promise<TestServer> {
  const started = await TestServer.start(config);
  cleanups.push(() => started.close());
  return started;
}

function pff(...args: string[]): Pff {
  const process = new Pff(...args);
  cleanups.push(() => process.end());
  return process;
}

const SIDE = 8;
const COUNT = 120;

/** Noise, so that no two images share bytes by chance. */
function writeData(seed: number): { folder: string; images: Uint8Array; labels: Uint8Array } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-data-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(folder, { recursive: true });
  const random = new RandomStream(seed, 'test', 5);
  const images = Uint8Array.from({ length: COUNT * SIDE * SIDE }, () => random.below(256));
  const labels = Uint8Array.from({ length: COUNT }, (_, i) => (i < 10 ? i : random.below(10)));
  for (const split of ['train', 't10k']) {
    writeFileSync(
      path.join(folder, `${split}-images-idx3-ubyte`),
      writeIdx({ dims: [COUNT, SIDE, SIDE], data: images }),
    );
    writeFileSync(path.join(folder, `${split}-labels-idx1-ubyte`), writeIdx({ dims: [COUNT], data: labels }));
  }
  return { folder, images, labels };
}

/** The image part of each row as the first layer gets it: f32, scaled to unit length with its label. */
function scaledImages(images: Uint8Array, labels: Uint8Array): Float32Array {
  const layout = labelLayout({ width: SIDE, height: SIDE, channels: 1 }, 10, 'overlay');
  const { bytes } = rowScales({ count: COUNT, images, labels }, layout, labelNorms(layout).oneHot, false);
  const values = Array.from({ length: COUNT }, (_, row) =>
    Array.from(
      images.subarray(row * SIDE * SIDE + layout.skip, (row + 1) * SIDE * SIDE),
      (byte) => byte * (bytes[row] as number),
    ),
  );
  return Float32Array.from(values.flat());
}

const small: PartialSpec = { dataset: 'idx', layers: [SIDE * SIDE, 24, 20], epochs: 4, batch: 16, seed: 2 };

async function run(
  given: PartialSpec,
  dataDir: string,
  server: Parameters<typeof connectNats>[0],
  more: Partial<Parameters<typeof train>[0]> = {},
): Promise<{ digest: string; notices: string }> {
  const notices: string[] = [];
  let digest = '';
  const cluster = { server, run: 'r', leaseMs: 1500 };
  for await (const event of train({ spec: resolveSpec(given), dataDir, cluster, ...more })) {
    if (event.type === 'notice') notices.push(event.text);
    if (event.type === 'finished') digest = event.result.modelDigest;
  }
  return { digest, notices: notices.join('\n') };
}

describe('a server with secrets', () => {
  it('a wrong token: what the node prints', async () => {
    const at = await startServer('authorization { token: "right" }');
    const node = pff('node', '--server', at.url, '--token', 'wrong');
    expect(await node.exited).toBe(1);
    expect(node.text).toMatch(/the server nats:\/\/127\.0\.0\.1:\d+ refused this user: .*uthorization/i);
    expect(node.text).toMatch(/Check --user and --password, --token, --nkey or --creds/);
  });

  it('a node with the documented permissions and no others does its work; one without any says so', async () => {
    const r = 'r';
    const publish = [
      `pff.${r}.>`,
      ...['PFF_RUNS', `PFF_${r}_RECORDS`, `PFF_${r}_STATES`].flatMap((stream) => [
        `$JS.API.STREAM.INFO.${stream}`,
        `$JS.API.DIRECT.GET.${stream}`,
        `$JS.API.DIRECT.GET.${stream}.>`,
      ]),
      `$JS.API.STREAM.PURGE.PFF_${r}_STATES`,
    ];
    const list = publish.map((subject) => `"${subject}"`).join(', ');
    const at = await startServer(`authorization { users = [
      { user: boss, password: b }
      { user: node, password: n, permissions { publish: [${list}], subscribe: ["_INBOX.>", "pff.${r}.h"] } }
      { user: none, password: n, permissions { publish: ["other"], subscribe: ["_INBOX.>"] } }
    ] }`);
    const { folder } = writeData(1);
    const sequential = (await trainToEnd({ spec: resolveSpec(small), dataDir: folder })).modelDigest;
    const node = pff('node', '--server', at.url, '--user', 'node', '--password', 'n', '--run', r, '--data-dir', folder);
    const { digest } = await run(small, folder, { server: at.url, user: 'boss', password: 'b' });
    expect(digest).toBe(sequential);
    expect(await node.exited).toBe(0);
    const none = pff('node', '--server', at.url, '--user', 'none', '--password', 'n', '--run', r, '--data-dir', folder);
    expect(await none.exited).toBe(1);
    expect(none.text).toMatch(/this user may not use \$JS\.API\.STREAM\.INFO\.PFF_RUNS/);
  });

  it('a node with other data is refused on both sides; hostile records change nothing and are counted', async () => {
    const at = await startServer();
    const [mine, others] = [writeData(1), writeData(2)];
    const sequential = (await trainToEnd({ spec: resolveSpec(small), dataDir: mine.folder })).modelDigest;
    const stranger = pff('node', '--server', at.url, '--run', 'r', '--data-dir', others.folder);
    const meddle = async (): Promise<void> => {
      const code = await stranger.exited;
      expect(code).toBe(1);
      expect(stranger.text).toMatch(/refused: run r trains on idx with digest \w+, but the data of this node has \w+/);
      const connection = await connectNats({ server: at.url }, 'mallory');
      const { id } = await runRecord({ server: at.url }, 'r');
      for (const [key, text] of [
        ['task.c0.l0', '{'],
        ['task.c0.l1', '{"v":2,"state":"claimed","by":"x"}'],
        ['node.0', 'x'.repeat(300_000)],
        [
          'task.c1.l0',
          `{"v":1,"state":"done","by":"m","digest":"${'f'.repeat(64)}","steps":1,"bytes":1e15,"chunkBytes":1}`,
        ],
      ] as const)
        await connection.request(`pff.r.${id}.k.${key}`, text);
      await connection.close();
      expect((await runStatus({ server: at.url }, 'r')).refusedRecords).toBeGreaterThanOrEqual(3);
      pff('node', '--server', at.url, '--run', 'r', '--data-dir', mine.folder);
    };
    const refused = meddle();
    const { digest, notices } = await run(small, mine.folder, { server: at.url });
    await refused;
    expect(digest).toBe(sequential);
    expect(notices).toMatch(/node \S+ was refused: run r trains on idx with digest/);
  });
});

describe('a federated run', () => {
  it('sends nothing of its images or labels', async () => {
    const at = await startServer();
    const captured: Buffer[] = [];
    const proxy = createServer((socket) => {
      const upstream = connectTcp(at.port, '127.0.0.1');
      socket.on('data', (data) => {
        captured.push(data);
        upstream.write(data);
      });
      upstream.on('data', (data) => {
        captured.push(data);
        socket.write(data);
      });
      socket.on('close', () => upstream.destroy()).on('error', () => upstream.destroy());
      upstream.on('close', () => socket.destroy()).on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => void proxy.close());
    const url = `nats://127.0.0.1:${(proxy.address() as { port: number }).port}`;
    const data = [writeData(1), writeData(2)];
    data.forEach(({ folder }, i) =>
      pff('node', '--server', url, '--run', 'r', '--slot', String(i + 1), '--data-dir', folder),
    );
    const federated = { ...small, negatives: 'sampled', shards: 2 } as const;
    const { digest } = await run(
      federated,
      writeData(3).folder,
      { server: at.url },
      { variant: 'federated', nodes: 2 },
    );
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    const sent = Buffer.concat(captured);
    expect(sent.length).toBeGreaterThan(50_000);
    const { id } = await runRecord({ server: at.url }, 'r');
    expect(sent.includes(`pff.r.${id}.s.c1.labels.`)).toBe(true);
    for (const { images, labels } of data) {
      // Eight pixels in a row, and twelve labels in a row, as bytes; three pixels in a row as the f32 values trained on.
      const trainedOn = Buffer.from(scaledImages(images, labels).buffer);
      for (let i = 0; i + 12 <= trainedOn.length; i += 12)
        expect(sent.includes(trainedOn.subarray(i, i + 12))).toBe(false);
      for (let i = 0; i + 8 <= images.length; i += 8)
        expect(sent.includes(Buffer.from(images.subarray(i, i + 8)))).toBe(false);
      for (let i = 0; i + 12 <= labels.length; i += 4)
        expect(sent.includes(Buffer.from(labels.subarray(i, i + 12)))).toBe(false);
    }
  });
});
