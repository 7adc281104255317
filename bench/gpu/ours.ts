/** Our times on a GPU, by the code that `pff train --kernels webgpu` runs. */
import type { Dataset } from '../../src/data/dataset.js';
import type { Kernels, Precision } from '../../src/kernels/kernels.js';
import { openForTraining } from '../../src/node/training.js';
import { updateRule } from '../../src/model/optimizer.js';
import { closeParts, initialState } from '../../src/layers/layer-state.js';
import { networkStructure } from '../../src/model/network.js';
import { labelLayout } from '../../src/data/labels.js';
import { RandomStream } from '../../src/random.js';
import { trainToEnd } from '../../src/run/train.js';
import { resolveSpec, type PartialSpec, type RunSpec } from '../../src/spec/spec.js';
import { objectiveOf } from '../../src/objectives/table.js';
import type { GpuWorkload } from './workload.js';

/** Mean seconds of a step of one layer on rows that lie on the device, one figure for each repetition. */
export async function ourSteps(
  kernels: Kernels,
  { width, steps }: GpuWorkload,
  batch: number,
  repetitions: number,
): Promise<number[]> {
  const spec = resolveSpec({ layers: [width, width, width], batch, objective: 'goodness', learningRate: 1e-4 });
  const layout = labelLayout({ width, height: 1, channels: 1 }, 10, 'overlay');
  const structure = networkStructure(spec, layout).layers[1];
  const loss = objectiveOf(spec.objective).describe(spec);
  if (!structure || !loss) throw new RangeError('a network of two layers whose loss is a built-in one');
  const parts = await openForTraining(kernels, spec, initialState(structure, spec.seed), 2);
  try {
    const trainer = kernels.openTrainer?.(
      parts.map(({ kernel }) => kernel),
      loss,
    );
    const values = new Float32Array(2 * batch * width);
    new RandomStream(1, 'test').fillNormal(values, 1 / Math.sqrt(width));
    if ((await trainer?.hold?.({ kind: 'rows', values })) !== true || !trainer)
      throw new Error(`the device has no room for ${2 * batch} rows of ${width} values`);
    const drawn = Uint32Array.from({ length: 2 * batch }, (_, i) => i);
    const labels = new Uint8Array(batch);
    let taken = 0;
    const run = async (): Promise<number> => {
      const start = performance.now();
      for (let i = 0; i < steps; i++) {
        const rule = updateRule(spec, spec.learningRate, taken++, 0);
        await trainer.step({
          input: { drawn, batch: 2 * batch, variants: 1 },
          labels,
          layerRule: rule,
          headRule: rule,
        });
      }
      await trainer.statistics();
      return (performance.now() - start) / 1000 / steps;
    };
    // The first one compiles shaders.
    await run();
    const seconds: number[] = [];
    for (let i = 0; i < repetitions; i++) seconds.push(await run());
    return seconds;
  } finally {
    closeParts(parts);
  }
}

/** Seconds that one epoch of the network trains, of positive and random negative samples. */
export async function ourEpoch(
  dataset: Dataset,
  { layers, samples }: GpuWorkload,
  batch: number,
  precision: Precision,
): Promise<number> {
  return trained(dataset, {
    layers: [...layers],
    batch,
    epochs: 1,
    splits: 1,
    objective: 'goodness',
    negatives: 'random',
    trainSamples: samples,
    testSamples: 1,
    precision,
  });
}

/** The default preset's spec, or what the workload makes of it. */
export function presetSpec({ samples, preset }: GpuWorkload, precision: Precision): RunSpec {
  return resolveSpec({ trainSamples: samples, ...preset, precision });
}

/** Seconds that the default preset trains. */
export function ourPreset(dataset: Dataset, workload: GpuWorkload, precision: Precision): Promise<number> {
  return trained(dataset, presetSpec(workload, precision));
}

async function trained(dataset: Dataset, spec: PartialSpec): Promise<number> {
  // Compiles the shaders, which this process keeps.
  const brief = { ...spec, trainSamples: 4 * (spec.batch ?? 64), testSamples: 10, epochs: 1, splits: 1 };
  await trainToEnd({ spec: brief, kernels: 'webgpu', nodes: 1 }, dataset);
  const { trainSeconds } = await trainToEnd({ spec, kernels: 'webgpu', nodes: 1 }, dataset);
  return trainSeconds;
}
