/** The GPU bench as Markdown. */
import { cell, table } from '../markdown.js';
import type { GpuReport } from './run.js';

const TITLES = { step: 'step', epoch: 'epoch', preset: 'default preset' } as const;

export function gpuSection(report: GpuReport): string {
  const { without, wouldMeasure, device, peakTeraflops, tiny, about, missing, figures } = report;
  if (without !== undefined)
    return `## On a GPU\n\nNothing was measured: ${without}. It would measure ${wouldMeasure}.`;
  const rows = figures.map((one) => [
    TITLES[one.work],
    one.batch === undefined ? '' : String(one.batch),
    one.by,
    one.work === 'step'
      ? `${cell({ median: 1000 * one.seconds.median, low: 1000 * one.seconds.low, high: 1000 * one.seconds.high }, 3)} ms`
      : `${one.seconds.median.toFixed(2)} s`,
    one.peakShare === undefined ? '' : one.peakShare.toFixed(1),
  ]);
  const peak = peakTeraflops
    ? `The f32 peak, ${peakTeraflops.measured ? 'measured by multiply-adds in registers' : 'as given'}: ${peakTeraflops.value.toPrecision(3)} TFLOP/s. `
    : '';
  const absent = missing.map(
    ({ name, why, install }) =>
      `\n- **${name} is missing**: ${why}. To install: ${install}. With it, the same would be measured on the same GPU.`,
  );
  return `## On a GPU

${device}. ${peak}Steps: medians and quartiles; epochs and presets once, after compilation. Data
come from the host within the clock for ours, and lie on the device before it for PyTorch. Results are not compared here: the tests hold ours to the bits of the CPU.${tiny ? ' **Tiny sizes: these figures only say that the bench works.**' : ''}

${about.map((line) => `- ${line}`).join('\n')}${absent.join('')}

${table(['work', 'batch', 'by', 'time', '% of f32 peak'], rows)}`;
}
