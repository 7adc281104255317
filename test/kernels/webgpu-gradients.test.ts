/**
 * Gradients of the losses that are computed on the device, against differences of the loss itself.
 * Own process: its environment names a GPU in software.
 */
import { expect, test } from 'vitest';
import type { DenseTensors, Kernels, SgdRule } from '../../src/kernels/kernels.js';
import type { LossDescription } from '../../src/kernels/trainer.js';
import { sharedDevice } from '../../src/kernels/webgpu/device.js';
import { kernelsOn } from '../../src/kernels/webgpu/webgpu.js';
import { RandomStream } from '../../src/random.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { emptyTensors } from './layers.js';

Object.assign(process.env, softwareGpu());

const [INPUTS, OUTPUTS, CLASSES, SAMPLES] = [3, 4, 3, 5] as const;
/** What of a layer is trained. */
const NAMES = ['weights', 'bias'] as const;
const stream = new RandomStream(2, 'test');

function normal(length: number, deviation: number): Float32Array {
  const values = new Float32Array(length);
  stream.fillNormal(values, deviation);
  return values;
}

/** Positive and negative rows where the loss has both. */
const prefix = normal(2 * SAMPLES * INPUTS, 1);
const labels = Uint8Array.from({ length: SAMPLES }, () => stream.below(CLASSES));
const step = (stepSize: number): SgdRule => ({ kind: 'sgd', momentum: 0, stepSize, keep: 1 });

/** The loss of one batch, mean over its samples; takes a step of gradient descent of size 1 if asked, and reads all weights. */
async function trained(
  kernels: Kernels,
  loss: LossDescription,
  all: readonly DenseTensors[],
  stepSize: number,
): Promise<number> {
  const rows = SAMPLES * ('steepness' in loss ? 2 : 1);
  const parts = [];
  for (const [i, tensors] of all.entries()) {
    // Heads are linear.
    const activation = i === all.length - 1 && !('steepness' in loss) ? 'linear' : 'relu';
    parts.push(await kernels.openDense(tensors, { activation, maxRows: rows, suffixInputs: 0 }));
  }
  const trainer = kernels.openTrainer!(parts, loss)!;
  const rule = step(stepSize);
  await trainer.step({ input: { prefix, batch: rows, variants: 1 }, labels, layerRule: rule, headRule: rule });
  const [stats] = await trainer.statistics();
  for (const [i, part] of parts.entries()) await part.read(all[i]!);
  for (const part of parts) part.close();
  return stats!.loss / SAMPLES;
}

function random(inputs: number, outputs: number, deviation: number): DenseTensors {
  return {
    ...emptyTensors(inputs, outputs),
    weights: normal(inputs * outputs, deviation),
    bias: normal(outputs, 0.3),
  };
}

const copyOf = (tensors: DenseTensors): DenseTensors => ({
  ...emptyTensors(tensors.inputs, tensors.outputs),
  weights: tensors.weights.slice(),
  bias: tensors.bias.slice(),
});

test.each<[string, LossDescription, readonly DenseTensors[]]>([
  ['hinton', { kind: 'hinton', goodness: 'mean', threshold: 0.7, steepness: 3 }, [random(INPUTS, OUTPUTS, 0.7)]],
  ['symba', { kind: 'symba', goodness: 'sum', steepness: 1.5 }, [random(INPUTS, OUTPUTS, 0.7)]],
  ['local-head', { kind: 'local-head' }, [random(INPUTS, OUTPUTS, 0.7), random(OUTPUTS, CLASSES, 0.5)]],
  ['softmax', { kind: 'softmax' }, [random(INPUTS, CLASSES, 0.7)]],
])('%s', async (_, loss, before) => {
  const kernels = kernelsOn(await sharedDevice(), { precision: 'f32', form: 'integer', each: [1] });
  const after = before.map(copyOf);
  await trained(kernels, loss, after, 1);
  const gradient = before.map((tensors, part) =>
    NAMES.map((name) => tensors[name].map((value, i) => value - after[part]![name][i]!)),
  );
  // Along directions of all weights at once.
  const h = 2 ** -9;
  for (let direction = 0; direction < 3; direction++) {
    const along = gradient.map((part) => part.map(({ length }) => normal(length, 1)));
    const at = async (distance: number) => {
      const moved = before.map(copyOf);
      moved.forEach((tensors, part) =>
        NAMES.forEach((name, n) => along[part]![n]!.forEach((d, i) => (tensors[name][i]! += distance * d))),
      );
      return trained(kernels, loss, moved, 0);
    };
    const slope = ((await at(h)) - (await at(-h))) / (2 * h);
    let expected = 0;
    gradient.forEach((part, p) =>
      part.forEach((g, n) => g.forEach((each, i) => (expected += each * along[p]![n]![i]!))),
    );
    expect(Math.abs(slope - expected), `${slope} along direction ${direction}, not ${expected}`).toBeLessThan(
      2e-3 + 0.01 * Math.abs(expected),
    );
    expect(Math.abs(expected)).toBeGreaterThan(0.01);
  }
  kernels.close();
});
