/** The bench's figures as Markdown. */
import { TOLERANCES } from './compare/check.js';
import { type Operands, WORK, WORK_NAMES } from './compare/contender.js';
import type { Comparison } from './compare/run.js';
import { PEERS } from './compare/peers.js';
import type { ConvolutionsReport } from './convolutions/run.js';
import { BATCHES_OF_EPOCH, CONVOLUTION_WORK, NETWORK } from './convolutions/workload.js';
import type { KernelsReport } from './kernels/run.js';
import type { Bandwidth } from './machine/bandwidth.js';
import type { Part } from './machine/roofline.js';
import { gpuSection } from './gpu/report.js';
import type { GpuReport } from './gpu/run.js';
import { cell, table } from './markdown.js';
import type { Summary } from './statistics.js';

export interface Report {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string };
  readonly instructionSets: readonly { readonly precision: string; readonly instructionSet: string }[];
  readonly repetitions: number;
  /** GFLOP/s of one core. */
  readonly peakGigaflops: Summary;
  readonly kernels: KernelsReport | undefined;
  readonly comparison: Comparison | undefined;
  readonly convolutions: ConvolutionsReport | undefined;
  readonly gpu: GpuReport | undefined;
  readonly bandwidth: readonly Bandwidth[];
  readonly step: readonly Part[];
  readonly epoch: readonly Part[];
}

export function markdown(report: Report): string {
  const { machine, kernels, comparison, convolutions, gpu, bandwidth, step, epoch } = report;
  return [
    `# Bench\n\n${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}, kernels: ` +
      `${report.instructionSets.map(({ precision, instructionSet }) => `${instructionSet} in ${precision}`).join(', ')}. ` +
      `The multiply-add peak of one core, measured before every repetition: ${cell(report.peakGigaflops, 0)} GFLOP/s. ` +
      `Medians and quartiles of ${report.repetitions} interleaved repetitions. FLOP are those of the whole matrix products, as if ` +
      'nothing were shared, and nothing else.',
    ...(kernels ? [kernelsSection(kernels)] : []),
    ...(comparison ? comparisonSections(comparison) : []),
    ...(convolutions ? [convolutionsSection(convolutions)] : []),
    ...(gpu ? [gpuSection(gpu)] : []),
    ...(bandwidth.length > 0 ? [bandwidthSection(bandwidth)] : []),
    ...(step.length + epoch.length > 0 ? [partsSection([...step, ...epoch])] : []),
  ].join('\n\n');
}

function kernelsSection({ measured, ratios }: KernelsReport): string {
  const rows = measured.map((one) => [
    one.name,
    one.precision,
    String(one.threads),
    cell(one.milliseconds, 2),
    one.gigaflops.median.toFixed(0),
    cell(one.peakShare, 1),
  ]);
  const scaling = ratios.scaling.map(
    ({ threads, speedup }) =>
      `- The full-size step on ${threads} ${threads === 1 ? 'thread' : 'threads'}: ${speedup.toFixed(2)}x.`,
  );
  const precisions = ratios.precisions.map(
    ({ precision, speedup }) =>
      `- The full-size step in ${precision} is ${speedup.toFixed(2)}x faster than in f32. (% of peak is of the f32 peak.)`,
  );
  return `## Kernels\n\n${table(['step', 'precision', 'threads', 'ms', 'GFLOP/s', '% of peak'], rows)}

- Sharing the image part between positive and negative makes the first layer's step ${ratios.pairSharing.toFixed(2)}x faster.
- Ten-label prediction of the whole network is ${ratios.tenLabels.toFixed(2)}x faster at once than in ten separate passes.
${[...scaling, ...precisions].join('\n')}`;
}

function comparisonSections({ contenders, missing, checks, compared, epochs }: Comparison): string[] {
  const sections: string[] = [];
  sections.push(
    `## Beside peers\n\n${contenders.map(({ name, about }) => `- ${titleOf(name)}: ${about}`).join('\n')}` +
      missing
        .map(({ name, why, install }) => `\n- **${titleOf(name)} is missing**: ${why}. To install: ${install}`)
        .join('') +
      (['f32', 'bf16'] as const).map((operands) => checksText(checks, operands)).join(''),
  );
  const rows = WORK_NAMES.flatMap((work) =>
    compared
      .filter((one) => one.work === work)
      .map((one) => [
        WORK[work],
        titleOf(one.name),
        cell(one.milliseconds, 2),
        cell(one.ratio, 2),
        one.rounded === undefined ? '' : cell(one.rounded, 2),
        cell(one.peakShare, 1),
      ]),
  );
  if (rows.length > 0)
    sections.push(table(['work', 'by', 'ms', 'times ours', 'times our fastest bf16', '% of peak'], rows));
  if (epochs.length > 0) {
    const lines = epochs.map((one) => [
      titleOf(one.name),
      cell(one.seconds, 1),
      cell(one.ratio, 2),
      one.batches === one.of ? 'all' : `${one.batches} of ${one.of}, scaled`,
    ]);
    sections.push(
      `## One epoch of 784-2000-2000-2000-2000\n\n${table(['by', 's', 'times ours', 'batches of each layer'], lines)}`,
    );
  }
  return sections;
}

/** How far the peers are from ours at most, of those whose products take the same operands. */
function checksText(all: Comparison['checks'], operands: Operands): string {
  const checks = all.filter((one) => one.operands === operands);
  if (checks.length === 0) return '';
  const worst = (what: 'loss' | 'values') => Math.max(...checks.map((one) => one[what])).toExponential(1);
  const { loss, trained, epoch, inferred } = TOLERANCES[operands];
  return `\n\nAll compute the same in ${operands}: ${checks.length} checks, losses within ${worst('loss')} (allowed ${loss}), values within ${worst('values')} (allowed ${trained} of the way that trained weights went, ${epoch} through an epoch, ${inferred} of inference).`;
}

function convolutionsSection({ contenders, missing, leftOut, worst, compared }: ConvolutionsReport): string {
  const who = contenders.map(({ name, about }) => `- ${convolutionTitle(name)}: ${about}`);
  const absent = [
    ...(missing ? [`- **PyTorch is missing**: ${missing.why}. To install: ${missing.install}`] : []),
    ...leftOut.map((why) => `- **not measured**: ${why}`),
  ];
  const rows = compared.map((one) => [
    CONVOLUTION_WORK[one.work].title,
    convolutionTitle(one.name),
    cell(one.milliseconds, 1),
    cell(one.ratio, 2),
    one.rounded === undefined ? '' : cell(one.rounded, 2),
    cell(one.peakShare, 1),
  ]);
  const epochs = compared
    .filter((one) => one.work === 'network')
    .map(
      (one) => `${convolutionTitle(one.name)} ${((one.milliseconds.median * BATCHES_OF_EPOCH) / 1000).toFixed(0)} s`,
    );
  const checked = Object.entries(worst).map(
    ([operands, { loss, values }]) =>
      `in ${operands} losses within ${loss.toExponential(1)}, values within ${values.toExponential(1)}`,
  );
  return `## Convolutions

${[...who, ...absent].join('\n')}

${checked.length > 0 ? `All compute the same: ${checked.join('; ')}.\n\n` : ''}${table(['work', 'by', 'ms', 'times ours', 'times our fastest bf16', '% of peak'], rows)}

One epoch of 50,000 images, ${NETWORK.join(', ')}, \`pred\`: ${epochs.join(', ')} (${BATCHES_OF_EPOCH} times the time of a batch).`;
}

function convolutionTitle(name: string): string {
  return name
    .replace('pytorch-autocast', 'PyTorch, autocast to bf16')
    .replace('pytorch', 'PyTorch')
    .replace('ours-', 'ours, ');
}

function bandwidthSection(all: readonly Bandwidth[]): string {
  const rows = all.map((one) => [
    one.where,
    `${one.bytes / 2 ** 20} MiB`,
    ...[one.read, one.write, one.copy].map((speed) => cell(speed, 1)),
  ]);
  return `## What one core gets from memory, GB/s\n\n${table(['from', 'size', 'read', 'write', 'copy (read + write)'], rows)}`;
}

function partsSection(parts: readonly Part[]): string {
  const ms = (seconds: number | undefined) =>
    seconds === undefined ? '' : (1000 * seconds).toFixed(seconds < 1 ? 2 : 0);
  const rows = parts.map((one) => [
    one.name,
    (one.multiplyAdds / 1e9).toFixed(3),
    (one.adam / 1e9).toFixed(3),
    ((one.bytesRead + one.bytesWritten) / 1e6).toFixed(0),
    ms(one.arithmetic),
    ms(one.memory),
    ms(one.measured),
    one.arithmetic > 0 ? ((100 * one.arithmetic) / one.measured).toFixed(1) : '',
  ]);
  const head = [
    'part',
    '10⁹ multiply-adds',
    "10⁹ operations of Adam's",
    'MB moved',
    'arithmetic, ms',
    'memory, ms',
    'measured, ms',
    'arithmetic, %',
  ];
  return `## Where the time goes, one thread\n\n${table(head, rows)}

Arithmetic: what the counted operations take at the measured peak. Memory: what the counted bytes take at the measured speed of
memory, were it not hidden behind the arithmetic.`;
}

function titleOf(name: string): string {
  return PEERS.find((peer) => peer.name === name)?.title ?? name.replace('-', ', ');
}
