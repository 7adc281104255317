// Measures a cluster on this machine: moving a layer state through nats-server over loopback, each way, and a run of two
// node processes against the same run on two threads. Run: npm run build && node bench/cluster.mjs
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { trainToEnd } from '../dist/index.js';
import { NatsApi } from '../dist/store/nats/api.js';
import { connectNats } from '../dist/store/nats/connect.js';
import { NatsEngine } from '../dist/store/nats/engine.js';
import { digestOf, getOutput, putOutput } from '../dist/store/cluster/transfer.js';

const STATE_BYTES = 12 * 2000 * 2001; // 2000 x 2000 weights, biases, two moments
const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-bench-'));
const port = 20_000 + Math.floor(Math.random() * 20_000);
const server = spawn('nats-server', ['-js', '-sd', folder, '-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
const url = `nats://127.0.0.1:${port}`;
await sleep(1000);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const once = (work) => work();

try {
  const connection = await connectNats({ server: url }, 'bench');
  const api = new NatsApi(connection);
  const buffer = new SharedArrayBuffer(STATE_BYTES);
  crypto.getRandomValues(new Uint8Array(65536)).forEach((byte, i) => {
    new Uint8Array(buffer)[i * 731] = byte;
  });
  const breathe = async () => {};
  const digest = await digestOf(buffer, breathe);
  for (const storage of ['memory', 'file']) {
    const run = `bench-${storage}`;
    const engine = new NatsEngine(api, run, { storage, replicas: 1, maxBytes: 0 }, async () => {});
    await engine.open();
    const speeds = { publish: [], fetch: [] };
    for (let i = 0; i < 9; i++) {
      let start = performance.now();
      await digestOf(buffer, breathe);
      await putOutput(engine, `c${i}.l0.x`, buffer, once);
      speeds.publish.push(STATE_BYTES / (performance.now() - start) / 1000);
      start = performance.now();
      const record = { digest, bytes: STATE_BYTES, chunkBytes: engine.chunkBytes };
      if (!(await getOutput(engine, `c${i}.l0.x`, record, once, breathe))) throw new Error('damaged on the way');
      speeds.fetch.push(STATE_BYTES / (performance.now() - start) / 1000);
      await engine.dropChunks(`c${i}.l0`);
    }
    const line = Object.entries(speeds).map(
      ([way, all]) => `${way} ${median(all).toFixed(0)} MB/s (best ${Math.max(...all).toFixed(0)})`,
    );
    console.log(`${storage}: a state of ${(STATE_BYTES / 1e6).toFixed(0)} MB, SHA-256 included: ${line.join(', ')}`);
  }
  await connection.close();

  const spec = { layers: [784, 2000, 2000, 2000], trainSamples: 10_000, testSamples: 500, epochs: 4, seed: 1 };
  const threads = await trainToEnd({ spec, nodes: 2, variant: 'all-layers', threadsPerNode: 1 });
  const nodes = [0, 1].map(() =>
    spawn(process.execPath, ['bin/pff.js', 'node', '--server', url, '--threads', '1', '--quiet'], { stdio: 'inherit' }),
  );
  await sleep(2500);
  const options = { spec, nodes: 2, variant: 'all-layers', cluster: { server: { server: url }, run: 'overhead' } };
  const cluster = await trainToEnd(options);
  for (const node of nodes) node.kill('SIGKILL');
  if (cluster.modelDigest !== threads.modelDigest) throw new Error('the bits differ');
  const makespan = ({ timeSplit, utilisation, nodes: n }) =>
    (timeSplit.train + timeSplit.pass + timeSplit.labels) / utilisation / n;
  for (const [name, result] of Object.entries({ threads, cluster }))
    console.log(
      `${name}: ${result.trainSeconds.toFixed(2)} s, computing ${(result.timeSplit.train + result.timeSplit.pass + result.timeSplit.labels).toFixed(2)} s, ` +
        `utilisation ${(100 * result.utilisation).toFixed(1)} %, makespan ${makespan(result).toFixed(2)} s`,
    );
  console.log(
    `cluster / threads: ${(cluster.trainSeconds / threads.trainSeconds).toFixed(3)} (time from submission to result, joining included)`,
  );
} finally {
  server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
