/**
 * The bench of the kernels: each step as time and as a share of the core's measured peak, on one thread and on two.
 * Usage: node dist-bench/bench/main.js [--kernels NAME] [--threads 1,2] [--repetitions N] [--json]
 * Markdown on stdout, or one JSON object.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { loadAddon, openNative } from '../src/kernels/native.js';
import { type Measured, measureInTurn, type Summary } from './measure.js';
import { stepCases } from './step-cases.js';

const { values } = parseArgs({
  options: {
    kernels: { type: 'string' },
    threads: { type: 'string', default: '1,2' },
    repetitions: { type: 'string', default: '15' },
    json: { type: 'boolean', default: false },
  },
});

const loaded = loadAddon();
if (!('addon' in loaded)) throw new Error(`the bench measures the native kernels, but ${loaded.reason}`);
const { addon } = loaded;
const instructionSet = values.kernels ?? addon.instructionSets()[0] ?? 'portable';
const repetitions = Number(values.repetitions);

const measured: Measured[] = [];
const peaks: Summary[] = [];
for (const threads of values.threads.split(',').map(Number)) {
  const kernels = openNative(addon, instructionSet, threads);
  const { cases, close } = stepCases(kernels);
  const result = measureInTurn(kernels, cases, repetitions);
  measured.push(...result.measured);
  peaks.push(result.peaks);
  close();
  kernels.close();
}

/** Median time of a case on the fewest threads measured. */
function time(name: string): number {
  return measured.find((one) => one.name === name)?.milliseconds.median ?? Number.NaN;
}

const ratios = {
  pairSharing:
    time('64 pairs, 784 → 2000, nothing shared: whole step') /
    time('64 pairs, 784 → 2000, image part shared: whole step'),
  tenLabelSharing:
    time('prediction, 64 images, first layer, label by label') /
    time('prediction, 64 images, first layer, ten labels at once'),
};
/** How much faster the whole step is on each further number of threads. */
const scaling = measured
  .filter((one) => one.name === '128 rows, 2000 → 2000: whole step')
  .map((one) => ({ threads: one.threads, speedup: time(one.name) / one.milliseconds.median }));

const machine = { cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: cpus().length, node: process.version };
const peakGigaflops = (peaks[0]?.median ?? Number.NaN) / 1e9;

if (values.json) {
  console.log(
    JSON.stringify({ machine, instructionSet, repetitions, peakGigaflops, measured, ratios, scaling }, null, 2),
  );
} else {
  const cell = (summary: Summary, digits: number) =>
    `${summary.median.toFixed(digits)} (${summary.low.toFixed(digits)}–${summary.high.toFixed(digits)})`;
  const rows = measured.map(
    (one) =>
      `| ${one.name} | ${one.threads} | ${cell(one.milliseconds, 2)} | ${one.gigaflops.median.toFixed(0)} | ${cell(one.peakShare, 1)} |`,
  );
  console.log(`# Kernels bench

${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}, kernels native/${instructionSet}. The multiply-add peak of
one core, measured before every run: ${peakGigaflops.toFixed(0)} GFLOP/s (median). Medians and quartiles of ${repetitions}
interleaved repetitions. GFLOP/s count the multiply-adds of the layer as if nothing were shared, and nothing else.

| step | threads | ms | GFLOP/s | % of peak |
| --- | --: | --: | --: | --: |
${rows.join('\n')}

- Sharing the image part between positive and negative makes the first layer's step ${ratios.pairSharing.toFixed(2)}x faster.
- Ten labels at once are ${ratios.tenLabelSharing.toFixed(2)}x faster than label by label.
${scaling.map(({ threads, speedup }) => `- The full-size step on ${threads} threads: ${speedup.toFixed(2)}x.`).join('\n')}`);
}
