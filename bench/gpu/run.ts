/** The GPU bench: our step, epoch and default preset on a GPU, beside PyTorch on the same one; a line of what it would measure where there is none. */
import { messageOf } from '../../src/errors.js';
import type { Dataset } from '../../src/data/dataset.js';
import { loadDataset } from '../../src/data/sources/load.js';
import type { Kernels, Precision } from '../../src/kernels/kernels.js';
import { sharedDevice } from '../../src/kernels/webgpu/device.js';
import { openWebGpu } from '../../src/kernels/webgpu/webgpu.js';
import type { Missing } from '../compare/peers.js';
import { summarise, type Summary } from '../statistics.js';
import { ourEpoch, ourPreset, ourSteps, presetSpec } from './ours.js';
import { measuredPeak } from './peak.js';
import { openGpuPeers, type OpenGpuPeer } from './peers.js';
import { describe, FULL, stepFlop, TINY, type GpuWorkload } from './workload.js';

export interface GpuOptions {
  readonly precisions: readonly Precision[];
  readonly repetitions: number;
  readonly peersFolder: string;
  readonly python: string;
  /** Sizes of a moment, on whatever there is: PyTorch then runs on the CPU. */
  readonly tiny: boolean;
  /** The f32 peak in TFLOP/s as its maker gives it; measured where it is not given. */
  readonly peak: number | undefined;
  readonly progress: (text: string) => void;
}

/** One figure: who, what, at which batch (none for the preset, whose batch is its own). */
export interface GpuFigure {
  readonly by: string;
  readonly work: 'step' | 'epoch' | 'preset';
  readonly batch: number | undefined;
  readonly seconds: Summary;
  /** % of the f32 peak, of steps. */
  readonly peakShare: number | undefined;
}

export interface GpuReport {
  /** Why nothing was measured. */
  readonly without: string | undefined;
  readonly wouldMeasure: string;
  readonly device: string;
  readonly peakTeraflops: { readonly value: number; readonly measured: boolean } | undefined;
  readonly tiny: boolean;
  readonly about: readonly string[];
  readonly missing: readonly Missing[];
  readonly figures: readonly GpuFigure[];
}

export async function runGpu(options: GpuOptions): Promise<GpuReport> {
  const workload = options.tiny ? TINY : FULL;
  const nothing = {
    wouldMeasure: describe(workload),
    device: '',
    peakTeraflops: undefined,
    tiny: options.tiny,
    about: [],
    missing: [],
    figures: [],
  };
  let device;
  try {
    device = await sharedDevice(process.env['PFF_GPU']);
  } catch (error) {
    return { ...nothing, without: messageOf(error) };
  }
  if (device.software && !options.tiny)
    return {
      ...nothing,
      without: `${device.description} is a CPU that plays a GPU (--gpu-tiny tries the bench on it)`,
    };
  options.progress('measuring the peak of the GPU');
  const peak = options.peak === undefined ? await measuredPeak(device) : options.peak * 1e12;
  const figures: GpuFigure[] = [];
  const dataset = await loadDataset({ dataset: 'mnist' });
  const about: string[] = [];
  for (const precision of options.precisions) {
    const kernels = await openWebGpu(precision, process.env['PFF_GPU']);
    about.push(`pff, ${precision}: ${kernels.name}`);
    try {
      figures.push(...(await ours(kernels, dataset, workload, precision, peak, options)));
    } finally {
      kernels.close();
    }
  }
  const { open, absent } = await openGpuPeers(options.peersFolder, options.python, options.tiny);
  try {
    for (const peer of open) {
      about.push(`${peer.title}: ${peer.about}`);
      figures.push(...(await theirs(peer, workload, peak, options)));
    }
  } finally {
    for (const peer of open) await peer.close();
  }
  const peakTeraflops = { value: peak / 1e12, measured: options.peak === undefined };
  const { description } = device;
  return { ...nothing, without: undefined, device: description, peakTeraflops, about, missing: absent, figures };
}

function stepFigure(by: string, batch: number, width: number, seconds: readonly number[], peak: number): GpuFigure {
  const summary = summarise(seconds);
  const peakShare = (100 * stepFlop(batch, width)) / (summary.median * peak);
  return { by, work: 'step', batch, seconds: summary, peakShare };
}

async function ours(
  kernels: Kernels,
  dataset: Dataset,
  workload: GpuWorkload,
  precision: Precision,
  peak: number,
  { repetitions, progress }: GpuOptions,
): Promise<GpuFigure[]> {
  const by = `pff, ${precision}`;
  const figures: GpuFigure[] = [];
  for (const batch of workload.batches) {
    progress(`${by}: steps at batch ${batch}`);
    const seconds = await ourSteps(kernels, workload, batch, repetitions);
    figures.push(stepFigure(by, batch, workload.width, seconds, peak));
  }
  for (const batch of workload.batches) {
    progress(`${by}: an epoch at batch ${batch}`);
    const seconds = summarise([await ourEpoch(dataset, workload, batch, precision)]);
    figures.push({ by, work: 'epoch', batch, seconds, peakShare: undefined });
  }
  progress(`${by}: the default preset`);
  const seconds = summarise([await ourPreset(dataset, workload, precision)]);
  return [...figures, { by, work: 'preset', batch: undefined, seconds, peakShare: undefined }];
}

async function theirs(
  peer: OpenGpuPeer,
  workload: GpuWorkload,
  peak: number,
  { repetitions, progress }: GpuOptions,
): Promise<GpuFigure[]> {
  const { batches, width, steps, layers, samples } = workload;
  const by = peer.title;
  const figures: GpuFigure[] = [];
  for (const batch of batches) {
    progress(`${by}: steps at batch ${batch}`);
    const seconds: number[] = [];
    for (let i = 0; i < repetitions; i++) seconds.push((await peer.ask('step', { batch, width, steps })) / steps);
    figures.push(stepFigure(by, batch, width, seconds, peak));
  }
  for (const batch of batches) {
    progress(`${by}: an epoch at batch ${batch}`);
    const seconds = summarise([await peer.ask('epoch', { batch, layers, samples })]);
    figures.push({ by, work: 'epoch', batch, seconds, peakShare: undefined });
  }
  progress(`${by}: the default preset`);
  const preset = presetSpec(workload, 'f32');
  const sizes = { batch: preset.batch, layers: preset.layers, samples, epochs: preset.epochs };
  const seconds = summarise([await peer.ask('preset', sizes)]);
  return [...figures, { by, work: 'preset', batch: undefined, seconds, peakShare: undefined }];
}
