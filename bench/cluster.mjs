// Measures a cluster on this machine. Run: npm run bench:cluster -- transfer | overhead [--samples N …] | tasks
//   transfer  moves a layer state of 48 MB through nats-server over loopback, each way, SHA-256 included
//   overhead  a run of two node processes against the same run on two threads: time, and where the CPU time went
//   tasks     what a task costs by the number of chapters: one node, tasks of one small batch, the first seconds of each run
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { stopRun, train, trainToEnd } from '../dist/index.js';

// Built from src/ as modules of their own, which dist/ is not.
const built = (file) => import(new URL(`../dist-bench/src/${file}`, import.meta.url).href);
const { digestOf, getOutput, putOutput } = await built('store/cluster/transfer.js');
const { NatsApi } = await built('store/nats/api.js');
const { connectNats } = await built('store/nats/connect.js');
const { NatsEngine } = await built('store/nats/engine.js');

const { positionals, values: given } = parseArgs({
  allowPositionals: true,
  options: {
    samples: { type: 'string', default: '30000' },
    chapters: { type: 'string', default: '4' },
    layers: { type: 'string', default: '784,2000,2000,2000,2000' },
    storage: { type: 'string', default: 'file' },
    wire: { type: 'string' },
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '15' },
  },
});
const STATE_BYTES = 12 * 2000 * 2001; // 2000 x 2000 weights, biases, two moments
const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-bench-'));
const port = 20_000 + (process.pid % 20_000);
const server = spawn('nats-server', ['-js', '-sd', folder, '-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
const url = `nats://127.0.0.1:${port}`;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** CPU seconds that a process has used so far (Linux). */
function cpuSeconds(pid) {
  const [, fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user, system] = fields.split(' ').slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

async function transfer() {
  const connection = await connectNats({ server: url }, 'bench');
  const api = new NatsApi(connection);
  const buffer = new SharedArrayBuffer(STATE_BYTES);
  const bytes = new Uint8Array(buffer);
  for (let i = 0; i < bytes.length; i += 7) bytes[i] = i * 31;
  const output = { steps: 1, buffer };
  const breathe = async () => {};
  const once = (work) => work();
  const digest = await digestOf(output, breathe);
  for (const storage of ['memory', 'file']) {
    const engine = new NatsEngine(
      api,
      { run: `bench-${storage}` },
      { storage, replicas: 1, maxBytes: 0 },
      async () => {},
    );
    await engine.open();
    const record = { digest, steps: 1, bytes: STATE_BYTES, chunkBytes: engine.chunkBytes };
    const ways = {
      publish: async (i) => {
        await digestOf(output, breathe);
        await putOutput(engine, `c${i}.l0.x`, buffer, once);
      },
      fetch: async (i) => {
        if (!(await getOutput(engine, `c${i}.l0.x`, record, once))) throw new Error('damaged on the way');
      },
    };
    const speeds = { publish: [], fetch: [] };
    for (let i = 0; i < Number(given.rounds); i++) {
      for (const [way, work] of Object.entries(ways)) {
        const start = performance.now();
        await work(i);
        speeds[way].push(STATE_BYTES / (performance.now() - start) / 1000);
      }
      await engine.dropChunks(`c${i}.l0`);
    }
    const line = Object.entries(speeds).map(
      ([way, all]) =>
        `${way} ${median(all).toFixed(0)} MB/s (${Math.min(...all).toFixed(0)}–${Math.max(...all).toFixed(0)})`,
    );
    console.log(`${storage}: a state of 48 MB, SHA-256 included, ${given.rounds} rounds: ${line.join(', ')}`);
  }
  await connection.close();
}

async function overhead() {
  const epochs = Number(given.chapters);
  const spec = {
    layers: given.layers.split(',').map(Number),
    trainSamples: Number(given.samples),
    testSamples: 500,
    epochs,
    seed: 1,
    ...(given.wire === undefined ? {} : { wire: given.wire }),
  };
  const before = process.cpuUsage();
  const threads = await trainToEnd({ spec, nodes: 2, variant: 'all-layers', threadsPerNode: 1 });
  const { user, system } = process.cpuUsage(before);
  const threadsCpu = (user + system) / 1e6;

  const nodes = [0, 1].map(() =>
    spawn(process.execPath, ['bin/pff.js', 'node', '--server', url, '--threads', '1', '--quiet'], { stdio: 'inherit' }),
  );
  await sleep(2000);
  const cpu = () => [server, ...nodes].map(({ pid }) => cpuSeconds(pid));
  const start = performance.now();
  const cpuBefore = [...cpu(), process.cpuUsage()];
  let result;
  const spans = [];
  let trained = 0;
  const cluster = { server: { server: url }, run: 'overhead', storage: given.storage };
  for await (const event of train({ spec, nodes: 2, variant: 'all-layers', cluster })) {
    if (event.type === 'task-finished') spans.push(...event.spans);
    if (event.type === 'trained') trained = (performance.now() - start) / 1000;
    if (event.type === 'finished') result = event.result;
  }
  const [serverCpu, ...nodesCpu] = cpu().map((now, i) => now - cpuBefore[i]);
  for (const node of nodes) node.kill('SIGKILL');
  if (result.modelDigest !== threads.modelDigest) throw new Error('the bits differ');
  const first = Math.min(...spans.map((span) => span.start));
  const last = Math.max(...spans.map((span) => span.end));
  console.log(
    `${given.layers}, ${epochs} chapters of ${given.samples} samples, 2 nodes, storage ${given.storage}, digest ${result.modelDigest.slice(0, 12)}`,
  );
  console.log(`threads: ${threads.trainSeconds.toFixed(2)} s (${threadsCpu.toFixed(1)} s CPU)`);
  console.log(
    `cluster: ${(result.trainSeconds - first).toFixed(2)} s from the first task's start to the model here; joining took ${first.toFixed(2)} s before, ` +
      `the model's last fetch ${(result.trainSeconds - last).toFixed(2)} s of it (${trained.toFixed(2)} s from submission in all)`,
  );
  console.log(
    `cluster's CPU: server ${serverCpu.toFixed(1)} s, nodes ${nodesCpu.map((s) => s.toFixed(1)).join(' + ')} s`,
  );
  console.log(
    `cluster / threads: ${((result.trainSeconds - first) / threads.trainSeconds).toFixed(3)}; with joining ${(result.trainSeconds / threads.trainSeconds).toFixed(3)}`,
  );
}

async function tasks() {
  const node = spawn(process.execPath, ['bin/pff.js', 'node', '--server', url, '--threads', '1', '--quiet'], {
    stdio: 'inherit',
  });
  const wanted = [250, 1000, 4000];
  const costs = new Map(wanted.map((chapters) => [chapters, []]));
  for (let round = 0; round < Number(given.rounds); round++)
    for (const chapters of wanted) {
      const spec = { layers: [784, 16, 16], trainSamples: 64, testSamples: 10, epochs: chapters, splits: chapters };
      const run = `tasks-${chapters}-${round}`;
      const done = new AbortController();
      const cluster = { server: { server: url }, run, storage: 'memory' };
      const times = [];
      try {
        for await (const event of train({
          spec: { ...spec, batch: 64, seed: 1 },
          nodes: 1,
          variant: 'all-layers',
          cluster,
          signal: done.signal,
        })) {
          if (event.type === 'task-finished') times.push(performance.now());
          if (times.length > 1 && times.at(-1) - times[0] > 1000 * Number(given.seconds)) done.abort();
        }
      } catch (error) {
        if (!done.signal.aborted) throw error;
        await stopRun({ server: url }, run, true);
      }
      costs.get(chapters).push((times.at(-1) - times[0]) / (times.length - 1));
    }
  node.kill('SIGKILL');
  for (const [chapters, all] of costs)
    console.log(
      `${chapters} chapters: ${median(all).toFixed(2)} ms a task (${all.map((ms) => ms.toFixed(2)).join(', ')})`,
    );
}

try {
  await sleep(1000);
  const [what] = positionals;
  if (what === 'transfer') await transfer();
  else if (what === 'overhead') await overhead();
  else if (what === 'tasks') await tasks();
  else console.error('npm run bench:cluster -- transfer | overhead | tasks');
} finally {
  server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
