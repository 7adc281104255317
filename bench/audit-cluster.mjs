// For measurements of audits: a server of its own and four node processes, each with a key of its own, and what they have used so far.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const NODES = 4;

/** CPU seconds that a process has used so far (Linux). */
export function cpuSeconds({ pid }) {
  const [, fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user, system] = fields.split(' ').slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

/** @param port a free one, as is the next */
export async function startCluster(port) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-bench-'));
  const serverArguments = ['-js', '-sd', folder, '-a', '127.0.0.1', '-p', String(port), '-m', String(port + 1)];
  const server = spawn('nats-server', serverArguments, { stdio: 'ignore' });
  const address = { server: `nats://127.0.0.1:${port}` };
  await sleep(500);
  const nodes = Array.from({ length: NODES }, (_, i) => {
    const key = path.join(folder, `${i}.key`);
    const words = ['node', '--server', address.server, '--threads', '1', '--quiet', '--key', key];
    return spawn(process.execPath, ['bin/pff.js', ...words], { stdio: 'inherit' });
  });
  await sleep(2000);
  return {
    address,
    ownerKey: path.join(folder, 'owner.key'),
    /** CPU seconds of nodes and server so far. */
    cpu: () => [...nodes, server].reduce((sum, each) => sum + cpuSeconds(each), 0),
    /** Bytes that went to and from the server so far. */
    async bytes() {
      const { in_bytes: into, out_bytes: from } = await (await fetch(`http://127.0.0.1:${port + 1}/varz`)).json();
      return into + from;
    },
    stop() {
      for (const each of [...nodes, server]) each.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A run for measurements, from the flags of its size. */
export function specOf({ layers, samples, chapters }) {
  return {
    layers: layers.split(',').map(Number),
    trainSamples: Number(samples),
    testSamples: 100,
    epochs: Number(chapters),
    splits: Number(chapters),
    seed: 1,
  };
}
