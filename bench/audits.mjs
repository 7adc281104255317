// Measures what audits cost on this machine. Run: npm run build && node bench/audits.mjs [--rates 0,0.05,0.2,1] [--rounds 3] …
// --from N measures from the Nth finished task on: once keys have earned their trust.
// The same run on four node processes at each rate, in turn: seconds from submission to the model, CPU seconds of the nodes, bytes
// that went to and from the server, results that were checked.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runStatus, stopRun, train } from '../dist/index.js';

const { values: given } = parseArgs({
  options: {
    rates: { type: 'string', default: '0,0.05,0.2,1' },
    rounds: { type: 'string', default: '3' },
    samples: { type: 'string', default: '3000' },
    chapters: { type: 'string', default: '100' },
    layers: { type: 'string', default: '784,256,256,256' },
    from: { type: 'string', default: '0' },
  },
});
const NODES = 4;
const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-bench-'));
const port = 20_000 + (process.pid % 20_000);
const monitor = port + 1;
const serverArguments = ['-js', '-sd', folder, '-a', '127.0.0.1', '-p', String(port), '-m', String(monitor)];
const server = spawn('nats-server', serverArguments, { stdio: 'ignore' });
const address = { server: `nats://127.0.0.1:${port}` };
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** CPU seconds that a process has used so far (Linux). */
function cpuSeconds({ pid }) {
  const [, fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user, system] = fields.split(' ').slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

/** Bytes that went to and from the server so far. */
async function wireBytes() {
  const { in_bytes: into, out_bytes: from } = await (await fetch(`http://127.0.0.1:${monitor}/varz`)).json();
  return into + from;
}

async function measure(rate, run, nodes, chapters = Number(given.chapters)) {
  const spec = {
    layers: given.layers.split(',').map(Number),
    trainSamples: Number(given.samples),
    testSamples: 100,
    epochs: chapters,
    splits: chapters,
    seed: 1,
  };
  const cpu = () => nodes.reduce((sum, node) => sum + cpuSeconds(node), 0);
  let [start, cpuBefore, bytesBefore] = [performance.now(), cpu(), await wireBytes()];
  let finished = 0;
  const cluster = { server: address, run, leaseMs: 4000, audit: rate, key: path.join(folder, 'owner.key') };
  let measured;
  for await (const event of train({ spec, nodes: NODES, variant: 'all-layers', cluster })) {
    if (event.type === 'task-finished' && ++finished === Number(given.from))
      [start, cpuBefore, bytesBefore] = [performance.now(), cpu(), await wireBytes()];
    if (event.type === 'trained')
      measured = {
        seconds: (performance.now() - start) / 1000,
        cpu: cpu() - cpuBefore,
        bytes: (await wireBytes()) - bytesBefore,
      };
    if (event.type === 'finished') measured.digest = event.result.modelDigest;
  }
  measured.checked = (await runStatus(address, run)).audits?.checked ?? 0;
  await stopRun(address, run, true);
  return measured;
}

await sleep(500);
const nodes = Array.from({ length: NODES }, (_, i) => {
  const words = [
    'node',
    '--server',
    address.server,
    '--threads',
    '1',
    '--quiet',
    '--key',
    path.join(folder, `${i}.key`),
  ];
  return spawn(process.execPath, ['bin/pff.js', ...words], { stdio: 'inherit' });
});
try {
  await sleep(2000);
  const rates = given.rates.split(',').map(Number);
  const found = new Map(rates.map((rate) => [rate, []]));
  await measure(0, 'warm', nodes, 10);
  for (let round = 0; round < Number(given.rounds); round++)
    for (const rate of rates)
      found.get(rate).push(await measure(rate, `r${round}-${String(rate).replace('.', '-')}`, nodes));
  const of = (rate, what) => median(found.get(rate).map((each) => each[what]));
  for (const rate of rates) {
    const ratio = (what) => (of(rate, what) / of(rates[0], what)).toFixed(2);
    console.log(
      `audit ${rate}: ${of(rate, 'seconds').toFixed(1)} s (${ratio('seconds')}), nodes ${of(rate, 'cpu').toFixed(1)} s CPU (${ratio('cpu')}), ` +
        `${(of(rate, 'bytes') / 1e6).toFixed(0)} MB (${ratio('bytes')}), ${of(rate, 'checked')} checked`,
    );
  }
  const digests = new Set([...found.values()].flat().map(({ digest }) => digest));
  if (digests.size !== 1) throw new Error('the bits differ');
} finally {
  for (const node of nodes) node.kill('SIGKILL');
  server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
