/** Every objective's update against numeric gradients of its own loss. */
import { describe, expect, it } from 'vitest';
import type { AdamRule, DenseKernel, DenseTensors, LayerInput } from '../../src/kernels/kernels.js';
import { openReference } from '../../src/kernels/reference.js';
import { allocateState, type DenseShape, type LayerState } from '../../src/model/layer-state.js';
import { GoodnessObjective, hintonLoss, symbaLoss } from '../../src/model/objectives/goodness.js';
import type { LayerObjective } from '../../src/model/objectives/objective.js';
import { PerformanceOptimizedObjective } from '../../src/model/objectives/performance-optimized.js';
import { SoftmaxHeadObjective } from '../../src/model/objectives/softmax.js';
import { RandomStream } from '../../src/random.js';

/** A step of size 0 that leaves the gradient in the first moment: m = (1 - β1) g with β1 = 0. */
const PROBE: AdamRule = { beta1: 0, beta2: 0, stepSize: 0, epsilonSquared: 1e-16, keep: 1 };
const SAMPLES = 5;
const CLASSES = 3;
const INPUTS = 7;
const OUTPUTS = 6;

const layer: DenseShape = { role: 'layer', inputs: INPUTS, outputs: OUTPUTS, initialDeviation: 1 };
const head = (inputs: number): DenseShape => ({ role: 'head', inputs, outputs: CLASSES, initialDeviation: 1 });

interface Case {
  readonly objective: LayerObjective;
  readonly dense: readonly DenseShape[];
  readonly suffix: boolean;
}

const cases: Case[] = [
  { objective: new GoodnessObjective(hintonLoss(1, 3), 'mean'), dense: [layer], suffix: true },
  { objective: new GoodnessObjective(hintonLoss(2, 1), 'sum'), dense: [layer], suffix: true },
  { objective: new GoodnessObjective(symbaLoss(2), 'mean'), dense: [layer], suffix: true },
  { objective: new PerformanceOptimizedObjective(), dense: [layer, head(OUTPUTS)], suffix: false },
  { objective: new SoftmaxHeadObjective(), dense: [head(INPUTS)], suffix: false },
];

function randomState(dense: readonly DenseShape[]): LayerState {
  const state = allocateState({ layer: 0, dense });
  state.dense.forEach((tensors, i) => {
    new RandomStream(11, 'test', i).fillNormal(tensors.weights, 0.7);
    new RandomStream(12, 'test', i).fillNormal(tensors.bias, 0.3);
  });
  return state;
}

/** Mean loss of one batch at the weights of `state`, and the kernels that computed it. */
function run({ objective, suffix }: Case, state: LayerState): { loss: number; after: DenseTensors[] } {
  const kernels = openReference();
  const variants = objective.variants;
  const suffixInputs = suffix ? CLASSES : 0;
  const opened = state.dense.map((tensors, i): DenseKernel =>
    kernels.openDense(tensors, {
      activation: state.shape.dense[i]?.role === 'head' ? 'linear' : 'relu',
      maxRows: SAMPLES * variants,
      suffixInputs: i === 0 ? suffixInputs : 0,
    }),
  );
  const stream = new RandomStream(5, 'test', 9);
  const prefix = new Float32Array(SAMPLES * (INPUTS - suffixInputs));
  stream.fillNormal(prefix, 1);
  const labels = Uint8Array.from({ length: SAMPLES }, (_, i) => i % CLASSES);
  const ones = new Float32Array(variants * SAMPLES * CLASSES);
  if (suffix)
    for (let r = 0; r < variants * SAMPLES; r++) ones[r * CLASSES + (r % CLASSES)] = 0.8;
  const input: LayerInput = {
    prefix,
    batch: SAMPLES,
    variants: suffix ? variants : 1,
    suffix: suffix ? ones : undefined,
  };
  const { loss } = objective.step(opened, input, labels, PROBE, PROBE);
  const after = state.dense.map((_, i) => {
    const copy = allocateState({ layer: 0, dense: state.shape.dense }).dense[i];
    opened[i]?.read(copy);
    opened[i]?.close();
    return copy;
  });
  kernels.close();
  return { loss: loss / SAMPLES, after };
}

describe('numeric gradients', () => {
  for (const which of cases) {
    it(`${which.objective.name} (${which.dense.map((d) => d.role).join(' and ')})`, () => {
      const state = randomState(which.dense);
      const { after } = run(which, state);
      let largest = 0;
      const differences: { at: string; numeric: number; analytic: number }[] = [];
      state.dense.forEach((tensors, part) => {
        const analytic = after[part];
        for (const [name, values, gradient] of [
          ['weights', tensors.weights, analytic.weightMoment1],
          ['bias', tensors.bias, analytic.biasMoment1],
        ] as const) {
          for (let i = 0; i < values.length; i++) {
            const original = values[i];
            const h = 2e-3;
            values[i] = original + h;
            const up = run(which, state).loss;
            values[i] = original - h;
            const down = run(which, state).loss;
            values[i] = original;
            const numeric = (up - down) / (2 * h);
            largest = Math.max(largest, Math.abs(numeric));
            differences.push({ at: `${part}.${name}[${i}]`, numeric, analytic: gradient[i] });
          }
        }
      });
      expect(largest).toBeGreaterThan(1e-2);
      // f32 losses of about 1 divided by 2h leave noise of 1e-4; a kink of relu inside ±h may hit single weights.
      const wrong = differences.filter(
        ({ numeric, analytic }) => Math.abs(numeric - analytic) > 2e-3 + 0.01 * Math.abs(numeric),
      );
      expect(wrong.slice(0, 3)).toEqual([]);
    });
  }
});
