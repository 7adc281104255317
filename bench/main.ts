/**
 * The bench: our kernels beside this core's own peak, and our step, forward pass, prediction and epoch beside what else
 * could be used, in one run. `npm run bench -- --help` has the options. Markdown on stdout, progress on stderr.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, PffError } from '../src/errors.js';
import { loadAddon } from '../src/kernels/native/addon.js';
import { openNative } from '../src/kernels/native/native.js';
import type { Precision } from '../src/kernels/numerics.js';
import type { KernelsChoice } from '../src/kernels/open.js';
import { INSTALL } from './compare/peers.js';
import { runComparison } from './compare/run.js';
import { runConvolutions } from './convolutions/run.js';
import { gpuSection } from './gpu/report.js';
import { runGpu, type GpuReport } from './gpu/run.js';
import { runKernels } from './kernels/run.js';
import { measureBandwidths } from './machine/bandwidth.js';
import { epochParts, stepParts } from './machine/roofline.js';
import { HELP, type Options, parseOptions, type Section } from './options.js';
import { markdown, type Report } from './report.js';
import { summarise } from './statistics.js';

const progress = (text: string) => process.stderr.write(`bench: ${text}\n`);

// Leaving by `exit` removes what lies in temporary folders; peers end with their stdin.
process.once('SIGINT', () => process.exit(130));

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else if (options.installPeers) installPeers();
  else await bench(options);
} catch (error) {
  process.stderr.write(`bench: ${messageOf(error)}\n`);
  if (error instanceof PffError && error.hint !== undefined) process.stderr.write(`       ${error.hint}\n`);
  process.exitCode = error instanceof PffError && error.code === 'usage' ? 2 : 1;
}

async function bench(options: Options): Promise<void> {
  const onGpu = options.only.has('gpu')
    ? await runGpu({
        precisions: options.precisions,
        repetitions: options.repetitions,
        peersFolder: peersFolder(),
        python: options.python,
        tiny: options.gpuTiny,
        peak: options.gpuPeak,
        progress,
      })
    : undefined;
  // A GPU needs none of what follows, and no native kernels.
  if (options.only.size === 1 && onGpu) return print(options, onGpu, `# Bench\n\n${gpuSection(onGpu)}`);
  const loaded = loadAddon();
  if (!('addon' in loaded))
    throw new PffError('kernels', `the bench measures the native kernels, but ${loaded.reason}`, {
      hint: 'npm run build builds them; a C++ compiler is needed.',
    });
  const { addon } = loaded;
  const setFor = (precision: Precision): string => options.kernels ?? addon.fastestFor(precision);
  const has = (section: Section) => options.only.has(section);

  const ours = openNative(addon, setFor('f32'), options.peerThreads);
  const rounding = new Map(
    options.precisions
      .filter((precision) => precision !== 'f32')
      .map((precision) => [precision, openNative(addon, setFor(precision), options.peerThreads, precision)] as const),
  );
  const peaks = Array.from({ length: 9 }, () => ours.measurePeak(5));
  if (has('memory')) progress('measuring memory');
  const bandwidth = has('memory') ? measureBandwidths(Math.min(9, options.repetitions)) : [];
  if (has('kernels')) progress('measuring kernels');
  const kernels = has('kernels')
    ? await runKernels(addon, setFor, options.threads, options.precisions, options.repetitions)
    : undefined;
  const comparison =
    has('peers') || has('epoch')
      ? await runComparison(ours, rounding, (options.kernels ?? 'auto') as KernelsChoice, {
          peers: options.peers,
          peersFolder: peersFolder(),
          python: options.python,
          threads: options.peerThreads,
          repetitions: options.repetitions,
          rounds: has('epoch') ? options.rounds : 0,
          shareSeconds: options.shareSeconds,
          pieces: has('peers'),
          samples: options.samples,
          progress,
        })
      : undefined;
  const convolutions = has('convolutions')
    ? await runConvolutions(ours, rounding, {
        peersFolder: peersFolder(),
        python: options.python,
        peers: options.peers.size > 0,
        threads: options.peerThreads,
        repetitions: options.repetitions,
        progress,
      })
    : undefined;
  ours.close();
  for (const one of rounding.values()) one.close();

  const peak = kernels?.peak ?? summarise(peaks);
  const ceilings = { peak: peak.median, memory: bandwidth.at(-1) };
  const result = comparison?.result;
  const report: Report = {
    machine: { cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: cpus().length, node: process.version },
    instructionSets: options.precisions.map((precision) => ({ precision, instructionSet: setFor(precision) })),
    repetitions: options.repetitions,
    peakGigaflops: { median: peak.median / 1e9, low: peak.low / 1e9, high: peak.high / 1e9 },
    kernels,
    comparison,
    convolutions,
    gpu: onGpu,
    bandwidth,
    step: kernels ? stepParts(kernels.measured, ceilings) : [],
    epoch: result ? epochParts(result, result.spec.trainSamples || 60_000, ceilings) : [],
  };
  print(options, report, markdown(report));
}

function print({ json: file }: Options, report: Report | GpuReport, text: string): void {
  const json = JSON.stringify(report, null, 2);
  process.stdout.write(`${file === '-' ? json : text}\n`);
  if (file !== undefined && file !== '-') writeFileSync(file, `${json}\n`);
}

/** Only what npm has; install scripts are off, because one of them would download more. */
function installPeers(): void {
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: peersFolder(),
    stdio: 'inherit',
  });
  if (status !== 0)
    throw new PffError('files', 'npm could not install the peers', { hint: 'What it said stands above.' });
  process.stdout.write(`The Node.js peers are installed. PyTorch, on Debian: ${INSTALL.python}\n`);
}

/** bench/peers of the project, also from dist-bench/. */
function peersFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, 'bench', 'peers');
}
