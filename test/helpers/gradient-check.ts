/** Numeric gradients: every weight and bias moved a little up and down, against the gradient that an update used. */
import { expect } from 'vitest';
import type { AdamRule, DenseKernel, DenseTensors } from '../../src/kernels/kernels.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { allocateState, type DenseShape, type LayerState } from '../../src/model/layer-state.js';
import { RandomStream } from '../../src/random.js';

/** A step of size 0 that leaves the gradient in the first moment: m = (1 - β1) g with β1 = 0. */
export const PROBE: AdamRule = { kind: 'adam', beta1: 0, beta2: 0, stepSize: 0, epsilonSquared: 1e-16, keep: 1 };

/** A state with random weights and biases. */
export function randomState(dense: readonly DenseShape[]): LayerState {
  const state = allocateState({ layer: 0, dense });
  state.dense.forEach((tensors, i) => {
    new RandomStream(11, 'test', i).fillNormal(tensors.weights, 0.7);
    new RandomStream(12, 'test', i).fillNormal(tensors.bias, 0.3);
  });
  return state;
}

export interface Network {
  readonly state: LayerState;
  readonly maxRows: number;
  /** Suffix inputs of the first part. */
  readonly suffixInputs: number;
  /** One step with PROBE on the kernels, one per part of the state; returns the mean loss of the batch. */
  readonly step: (opened: readonly DenseKernel[]) => number;
}

function run({ state, maxRows, suffixInputs, step }: Network): { loss: number; after: DenseTensors[] } {
  const kernels = openReference();
  const opened = state.dense.map((tensors, i) =>
    kernels.openDense(tensors, {
      activation: state.shape.dense[i]?.role === 'head' ? 'linear' : 'relu',
      maxRows,
      suffixInputs: i === 0 ? suffixInputs : 0,
      fixedBias: state.shape.dense[i]?.withoutBias,
    }),
  );
  const loss = step(opened);
  const after = allocateState(state.shape).dense;
  opened.forEach((kernel, i) => {
    kernel.read(after[i] as DenseTensors);
    kernel.close();
  });
  kernels.close();
  return { loss, after: [...after] };
}

export function checkGradients(network: Network): void {
  const { after } = run(network);
  let largest = 0;
  const wrong: { at: string; numeric: number; analytic: number }[] = [];
  network.state.dense.forEach((tensors, part) => {
    const gradients = after[part] as DenseTensors;
    const pairs = [
      ['weights', tensors.weights, gradients.weightMoment1],
      ['bias', tensors.bias, gradients.biasMoment1],
    ] as const;
    for (const [name, values, gradient] of pairs) {
      if (name === 'bias' && network.state.shape.dense[part]?.withoutBias) {
        expect(gradient.every((each) => each === 0)).toBe(true);
        continue;
      }
      for (const [i, original] of values.entries()) {
        const h = 2e-3;
        values[i] = original + h;
        const up = run(network).loss;
        values[i] = original - h;
        const down = run(network).loss;
        values[i] = original;
        const numeric = (up - down) / (2 * h);
        const analytic = gradient[i] ?? Number.NaN;
        largest = Math.max(largest, Math.abs(numeric));
        // f32 losses of about 1 divided by 2h leave noise of 1e-4.
        if (!(Math.abs(numeric - analytic) <= 2e-3 + 0.01 * Math.abs(numeric)))
          wrong.push({ at: `${part}.${name}[${i}]`, numeric, analytic });
      }
    }
  });
  expect(largest).toBeGreaterThan(1e-2);
  expect(wrong).toEqual([]);
}
