/**
 * A backend on a device, simulated: every call is a promise that settles later, and built-in losses are trained by the
 * backend itself, which is asked for its statistics only now and then. A run over it has the bits of the CPU.
 * Own process: it registers parts.
 */
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { dropoutScale } from '../../src/kernels/dropout.js';
import type {
  DenseKernel,
  Kernels,
  LayerInput,
  LayerKernel,
  SyncDenseKernel,
  SyncKernels,
} from '../../src/kernels/kernels.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import type { LayerTrainer, LossDescription, StepStats } from '../../src/kernels/trainer.js';
import { hinton } from '../../src/objectives/hinton.js';
import type { LayerObjective, OutputDropout } from '../../src/objectives/objective.js';
import { performanceOptimized } from '../../src/objectives/performance-optimized.js';
import { SoftmaxHeadTraining } from '../../src/objectives/softmax.js';
import { symba } from '../../src/objectives/symba.js';
import { registerObjective } from '../../src/spec/own-parts.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { toyDataset } from '../helpers/tiny.js';
import { trainOn } from '../helpers/train-on.js';

const settings = { peerNormalization: 0, labelSmoothing: 0, initScale: 1, threshold: 1 };

/** What the device would compute in shaders; here the objectives do. */
function trainingOf(loss: LossDescription): LayerObjective {
  switch (loss.kind) {
    case 'hinton':
      return hinton.begin({ ...settings, ...loss });
    case 'symba':
      return symba.begin({ ...settings, ...loss });
    case 'local-head':
      return performanceOptimized.begin({ ...settings, goodness: 'mean', steepness: 1 });
    case 'softmax':
      return new SoftmaxHeadTraining(settings);
  }
}

/** How often each thing was asked of the device. */
interface Calls {
  steps: number;
  statistics: number;
  activations: number;
}

function openDevice(calls: Calls): Kernels {
  const inside: SyncKernels = openReference();
  const layers = new Map<LayerKernel, SyncDenseKernel>();
  const later = async <T>(work: () => T): Promise<T> => {
    await Promise.resolve();
    return work();
  };
  return {
    name: 'device',
    numerics: inside.numerics,
    threads: 1,
    async openDense(tensors, options): Promise<DenseKernel> {
      await setTimeout(1);
      const dense = inside.openDense(tensors, options);
      const kernel: DenseKernel = {
        inputs: dense.inputs,
        outputs: dense.outputs,
        infer: (input, output) => later(() => dense.infer(input, output)),
        forward: (input, sumSquares) => later(() => dense.forward(input, sumSquares)),
        activations: () => later(() => (calls.activations++, dense.activations())),
        inputGradient: (delta, out) => later(() => dense.inputGradient(delta, out)),
        update: (delta, rule) => later(() => dense.update(delta, rule)),
        read: (into) => later(() => dense.read(into)),
        close: () => dense.close(),
      };
      layers.set(kernel, dense);
      return kernel;
    },
    openTrainer(parts, loss): LayerTrainer {
      const kernels = parts.map((part) => layers.get(part)!);
      const objective = trainingOf(loss);
      let since: StepStats[] = [];
      return {
        async step({ outputMask: mask, outputChannels: channels, ...step }) {
          calls.steps++;
          const dropout: OutputDropout | undefined = mask && {
            mask,
            channels,
            scale: dropoutScale(mask),
            apply: async (layer, count, sumSquares) => {
              const values = await layer.activations();
              inside.dropout({ values, width: layer.outputs, count, channels }, mask, values, sumSquares);
            },
          };
          since.push(await objective.step({ ...step, input: step.input as LayerInput, kernels, dropout }));
        },
        statistics: () =>
          later(() => {
            calls.statistics++;
            const stats = since;
            since = [];
            return stats;
          }),
      };
    },
    stageBytes: (...args) => later(() => inside.stageBytes(...args)),
    dropout: (...args) => later(() => inside.dropout(...args)),
    close: () => inside.close(),
  };
}

async function digestOn(kernels: Kernels, more: PartialSpec): Promise<{ digest: string; samples: number }> {
  const { digest, stats } = await trainOn(kernels, toyDataset(120, 20), { epochs: 2, ...more });
  return { digest, samples: stats.reduce((samples, each) => samples + each.samples, 0) };
}

it.each<[string, PartialSpec]>([
  ['goodness', { objective: 'goodness' }],
  ['goodness, with dropout', { objective: 'goodness', dropout: 0.2 }],
  ['symba on the sum, AdaptiveNEG', { objective: 'symba', goodness: 'sum', negatives: 'adaptive' }],
  ['performance-optimized', { objective: 'performance-optimized' }],
  ['mono-forward', { objective: 'mono-forward' }],
  ['the softmax classifier', { objective: 'goodness', classifier: 'softmax' }],
])('%s is trained by the device, with the bits of the CPU', async (_, more) => {
  const calls = { steps: 0, statistics: 0, activations: 0 };
  const found = await digestOn(openDevice(calls), more);
  expect(found).toEqual(await digestOn(openReference(), more));
  // Activations came back for none of the steps, statistics once a chapter or when progress was due.
  expect(calls.steps).toBeGreaterThan(0);
  expect(calls.activations).toBe(0);
  expect(calls.statistics).toBeLessThan(calls.steps);
});

it('smoothed labels, of which devices know nothing, train over what the device reads back', async () => {
  const calls = { steps: 0, statistics: 0, activations: 0 };
  const more = { objective: 'performance-optimized', labelSmoothing: 0.2 };
  expect(await digestOn(openDevice(calls), more)).toEqual(await digestOn(openReference(), more));
  expect(calls.steps).toBe(0);
  expect(await digestOn(openReference(), { ...more, labelSmoothing: 0 })).not.toEqual(
    await digestOn(openReference(), more),
  );
});

registerObjective('squared', () => ({
  evaluate(positive, negative, up, down) {
    let loss = 0;
    positive.forEach((p, b) => {
      const gap = 1 + negative[b]! - p;
      loss += gap * gap;
      up[b] = -2 * gap;
      down[b] = 2 * gap;
    });
    return loss;
  },
}));

it('an objective of one’s own trains over what the device reads back', async () => {
  const calls = { steps: 0, statistics: 0, activations: 0 };
  const more = { objective: 'squared', peerNormalization: 0.1, learningRate: 0.001 };
  expect(await digestOn(openDevice(calls), more)).toEqual(await digestOn(openReference(), more));
  expect(calls.steps).toBe(0);
  expect(calls.activations).toBeGreaterThan(0);
});
