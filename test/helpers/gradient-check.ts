/** Numeric gradients: every weight and bias moved a little up and down, against the gradient that an update used. */
import { expect } from 'vitest';
import type { LayerKernel } from '../../src/kernels/kernels.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import type { PartRole, PartStructure } from '../../src/layers/layer-kind.js';
import { kindOf } from '../../src/layers/kinds.js';
import { allocateState, closeParts, openState, type LayerState } from '../../src/layers/layer-state.js';
import { randomState as randomStateOf } from '../../src/plugin-check/layer-steps.js';

export { PROBE } from '../../src/plugin-check/layer-steps.js';

/** A dense part; the last `labelInputs` inputs are label values. */
export function densePart(role: PartRole, inputs: number, outputs: number, labelInputs = 0): PartStructure {
  return { role, geometry: { kind: 'dense', inputs, outputs }, labelInputs, initialDeviation: 1 };
}

/** A state with random weights and biases. */
export function randomState(parts: readonly PartStructure[]): LayerState {
  return randomStateOf(parts, 'test');
}

export interface Network {
  readonly state: LayerState;
  readonly maxRows: number;
  /** Roles of parts whose gradient is not that of the loss. */
  readonly without?: readonly string[];
  /** One step with PROBE on the kernels, one per part of the state; returns the mean loss of the batch. */
  readonly step: (opened: readonly LayerKernel[]) => Promise<number>;
}

async function run({ state, maxRows, step }: Network): Promise<{ loss: number; after: LayerState }> {
  const kernels = openReference();
  const opened = await openState(kernels, state, { maxRows });
  const loss = await step(opened.map(({ kernel }) => kernel));
  const after = allocateState(state.structure);
  for (const [i, part] of opened.entries()) await part.read(after.parts[i]!);
  closeParts(opened);
  kernels.close();
  return { loss, after };
}

export async function checkGradients(network: Network): Promise<void> {
  const { after } = await run(network);
  const { parts } = network.state.structure;
  let largest = 0;
  const wrong: { at: string; numeric: number; analytic: number }[] = [];
  for (const [part, { parameters }] of network.state.parts.entries()) {
    const shapes = kindOf(parts[part]!.geometry).parameters(parts[part]!.geometry);
    if (network.without?.includes(parts[part]!.role)) continue;
    for (const [at, { name }] of shapes.entries()) {
      // Running statistics: the loss of a training step does not read them.
      if (name === 'mean' || name === 'variance') continue;
      const values = parameters[at]!;
      const gradient = after.parts[part]!.moment1[at]!;
      if (name === 'bias' && parts[part]?.withoutBias) {
        expect(gradient.every((each) => each === 0)).toBe(true);
        continue;
      }
      for (const [i, original] of values.entries()) {
        const h = 2e-3;
        values[i] = original + h;
        const up = (await run(network)).loss;
        values[i] = original - h;
        const down = (await run(network)).loss;
        values[i] = original;
        const numeric = (up - down) / (2 * h);
        const analytic = gradient[i] ?? Number.NaN;
        largest = Math.max(largest, Math.abs(numeric));
        // f32 losses of about 1 divided by 2h leave noise of 1e-4.
        if (!(Math.abs(numeric - analytic) <= 2e-3 + 0.01 * Math.abs(numeric)))
          wrong.push({ at: `${part}.${name}[${i}]`, numeric, analytic });
      }
    }
  }
  expect(largest).toBeGreaterThan(1e-2);
  expect(wrong).toEqual([]);
}
