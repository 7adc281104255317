/**
 * What the page costs the training that it shows, on the same machine (Linux, Debian's chromium):
 *
 *   npm run bench:page-cost -- steady [--runs 1] [--epochs 10] [--turn 4]     within one run, by turns
 *   npm run bench:page-cost -- whole [--pairs 3] [--epochs 10] [--ways plain,browser]   whole runs side by side
 *
 * Nothing else should run meanwhile. The default network on real MNIST; all kernels' threads, as `pff train` has them.
 */
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pairedRatio, summarise } from '../statistics.js';
import { steadyCost } from './steady.js';
import { WAYS, wholeRun, type Way, type WholeRun } from './whole.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: 'string', default: '10' },
    runs: { type: 'string', default: '1' },
    turn: { type: 'string', default: '4' },
    pairs: { type: 'string', default: '3' },
    ways: { type: 'string', default: 'plain,browser' },
  },
});
const out = path.join(os.tmpdir(), `pff-bench-page-cost-${process.pid}`);

async function steady(): Promise<void> {
  const ratios: number[] = [];
  for (let run = 0; run < Number(values.runs); run++) {
    const cost = await steadyCost({ epochs: Number(values.epochs) }, Number(values.turn), out);
    ratios.push(...cost.ratios);
    console.log(
      `browser: ${cost.opening.toFixed(2)} s of CPU to open the page, then ${(1000 * cost.browserShare).toFixed(1)} ms a second`,
    );
    console.log(`  times as long as the turns around it: ${cost.ratios.map((ratio) => ratio.toFixed(3)).join(' ')}`);
  }
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  const variance = ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0) / (ratios.length - 1);
  const { median, low, high } = summarise(ratios);
  console.log(
    `with the page open training takes ${median.toFixed(4)} times as long (median of ${ratios.length} turns, quartiles ${low.toFixed(3)} to ${high.toFixed(3)}; ` +
      `mean ${mean.toFixed(4)}, standard error ${Math.sqrt(variance / ratios.length).toFixed(4)})`,
  );
}

async function whole(): Promise<void> {
  const ways = values.ways.split(',').filter((name): name is Way => (WAYS as readonly string[]).includes(name));
  const runs: WholeRun[] = [];
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    // By turns the one and the other first: what slows down in the course of the bench does not fall on one.
    for (const way of pair % 2 === 0 ? ways : ways.toReversed()) {
      const run = await wholeRun(way, ['--epochs', values.epochs], out);
      runs.push(run);
      console.log(
        `${way.padEnd(8)} training ${run.trainSeconds.toFixed(2)} s, of it looks ${run.lookSeconds.toFixed(2)} s; process ${run.wallSeconds.toFixed(2)} s; CPU: program ${run.programSeconds.toFixed(2)} s, ` +
          `of it the page's server ${run.serverSeconds.toFixed(2)} s, browser ${run.browserSeconds.toFixed(2)} s; digest ${run.digest.slice(0, 12)}`,
      );
    }
  }
  if (new Set(runs.map(({ digest }) => digest)).size > 1) throw new Error('the runs do not have the same digest');
  for (const way of ways) {
    const seconds = (of: Way): number[] => runs.filter((run) => run.way === of).map(({ trainSeconds }) => trainSeconds);
    const against = ways.includes('plain')
      ? ` ${pairedRatio(seconds(way), seconds('plain')).median.toFixed(4)} x plain`
      : '';
    console.log(`${way.padEnd(8)} median ${summarise(seconds(way)).median.toFixed(2)} s${against}`);
  }
}

const modes: Readonly<Record<string, () => Promise<void>>> = { steady, whole };
const mode = modes[positionals[0] ?? 'steady'];
if (!mode) throw new Error(`there is no ${positionals[0]}: say steady or whole`);
await mode();
