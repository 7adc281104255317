// Measures what audits cost in CPU time, beside a run without them: npm run build && node bench/audits-paired.mjs [--rate 0.1] …
// Two clusters of four node processes do the same run at the same time, one of them audited. CPU seconds a task are compared over one and
// the same time, so that other work on the machine slows both: from when the audited run has finished --from tasks (its keys have earned
// trust by then) until it has finished --to. Predicted labels are tasks, too. Both runs are given up after that.
import { parseArgs } from 'node:util';
import { train } from '../dist/index.js';
import { NODES, specOf, startCluster } from './audit-cluster.mjs';

const { values: given } = parseArgs({
  options: {
    rate: { type: 'string', default: '0.1' },
    samples: { type: 'string', default: '8000' },
    layers: { type: 'string', default: '784,500,500' },
    from: { type: 'string', default: '220' },
    to: { type: 'string', default: '320' },
  },
});
const [from, to] = [Number(given.from), Number(given.to)];
const first = 20_000 + (process.pid % 20_000);
const clusters = await Promise.all([startCluster(first), startCluster(first + 2)]);
const sides = [0, Number(given.rate)].map((rate, i) => ({
  rate,
  cluster: clusters[i],
  tasks: 0,
  checked: 0,
  taken: [],
}));
const ended = new AbortController();

/** Chapters for more tasks than either run comes to. */
const spec = specOf({ ...given, chapters: 2 * to });

async function follow(side) {
  const { rate, cluster } = side;
  const where = { server: cluster.address, run: 'audits', leaseMs: 4000, audit: rate, key: cluster.ownerKey };
  const options = { spec, nodes: NODES, variant: 'all-layers', cluster: where, signal: ended.signal };
  for await (const event of train(options)) {
    if (event.type === 'audits') side.checked = event.checked;
    if (event.type !== 'task-finished') continue;
    side.tasks += 1;
    if (rate > 0 && (side.tasks === from || side.tasks === to))
      for (const each of sides)
        each.taken.push({
          cpu: each.cluster.cpu(),
          tasks: each.tasks,
          checked: each.checked,
          bytes: each.cluster.bytes(),
        });
    if (rate > 0 && side.tasks === to) ended.abort(new Error('measured'));
  }
  throw new Error(`the run at rate ${rate} ended after ${side.tasks} tasks, before both were measured`);
}

/** Follows until both runs are measured, which ends with both detached from. Any other end of a side ends the other, too, and is thrown. */
async function measure(side) {
  try {
    await follow(side);
  } catch (error) {
    if (ended.signal.aborted && error?.code === 'interrupted') return;
    ended.abort(error);
    throw error;
  }
}

try {
  await Promise.all(sides.map(measure));
  const costs = [];
  for (const { rate, taken } of sides) {
    const [before, after] = taken;
    const tasks = after.tasks - before.tasks;
    const cost = (after.cpu - before.cpu) / tasks;
    const bytes = ((await after.bytes) - (await before.bytes)) / tasks;
    costs.push(cost);
    console.log(
      `audit ${rate}: ${(1000 * cost).toFixed(0)} ms CPU a task (${(cost / costs[0]).toFixed(3)}), ${(bytes / 1e6).toFixed(2)} MB, ` +
        `${tasks} tasks, ${after.checked - before.checked} checked`,
    );
  }
} finally {
  for (const each of clusters) each.stop();
}
