// Measures what audits cost on this machine. Run: npm run build && node bench/audits.mjs [--rates 0,0.05,0.2,1] [--rounds 3] …
// The same run on four node processes at each rate, in turn: seconds from submission to the model, CPU seconds of nodes and server, bytes
// that went to and from the server, tasks (predicted labels are some, too), results that were checked. --from N measures from the Nth
// finished task on. Where other work makes times differ, audits-paired.mjs is better.
import { parseArgs } from 'node:util';
import { stopRun, train } from '../dist/index.js';
import { NODES, specOf, startCluster } from './audit-cluster.mjs';

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
const cluster = await startCluster(20_000 + (process.pid % 20_000));
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

async function measure(rate, run, chapters = given.chapters) {
  let [tasks, checked] = [0, 0];
  const used = async () => ({
    seconds: performance.now() / 1000,
    cpu: cluster.cpu(),
    bytes: await cluster.bytes(),
    tasks,
    checked,
  });
  let before = await used();
  let after, digest;
  const where = { server: cluster.address, run, leaseMs: 4000, audit: rate, key: cluster.ownerKey };
  const spec = specOf({ ...given, chapters });
  for await (const event of train({ spec, nodes: NODES, variant: 'all-layers', cluster: where })) {
    if (event.type === 'audits') checked = event.checked;
    if (event.type === 'task-finished' && ++tasks === Number(given.from)) before = await used();
    if (event.type === 'trained') after = await used();
    if (event.type === 'finished') digest = event.result.modelDigest;
  }
  await stopRun(cluster.address, run, true);
  const amounts = Object.keys(before).map((name) => [name, after[name] - before[name]]);
  return { ...Object.fromEntries(amounts), digest };
}

try {
  const rates = given.rates.split(',').map(Number);
  const found = new Map(rates.map((rate) => [rate, []]));
  await measure(0, 'warm', 10);
  for (let round = 0; round < Number(given.rounds); round++)
    for (const rate of rates) found.get(rate).push(await measure(rate, `r${round}-${String(rate).replace('.', '-')}`));
  const of = (rate, what) => median(found.get(rate).map((each) => each[what]));
  for (const rate of rates) {
    const ratio = (what) => (of(rate, what) / of(rates[0], what)).toFixed(2);
    console.log(
      `audit ${rate}: ${of(rate, 'seconds').toFixed(1)} s (${ratio('seconds')}), ${of(rate, 'cpu').toFixed(1)} s CPU (${ratio('cpu')}), ` +
        `${(of(rate, 'bytes') / 1e6).toFixed(0)} MB (${ratio('bytes')}), ${of(rate, 'tasks')} tasks, ${of(rate, 'checked')} checked`,
    );
  }
  const digests = new Set([...found.values()].flat().map(({ digest }) => digest));
  if (digests.size !== 1) throw new Error('the bits differ');
} finally {
  cluster.stop();
}
