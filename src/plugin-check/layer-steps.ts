/** Steps on a layer by the reference kernels: the gradients that they use, against differences of the loss that they report. */
import { openReference } from '../kernels/reference/reference.js';
import type { AdamRule, LayerKernel } from '../kernels/kernels.js';
import type { PartStructure } from '../layers/layer-kind.js';
import { kindOf } from '../layers/kinds.js';
import { allocateState, closeParts, openState, partName, type LayerState } from '../layers/layer-state.js';
import { RandomStream, type Purpose } from '../random.js';
import { compareGradient, type Claimed } from './numeric-gradient.js';

/** A step of size 0 that leaves the gradient in the first moment: m = (1 - β1) g with β1 = 0. */
export const PROBE: AdamRule = { kind: 'adam', beta1: 0, beta2: 0, stepSize: 0, epsilonSquared: 1e-16, keep: 1 };

/** A state with random weights and biases, from streams of `purpose`. */
export function randomState(parts: readonly PartStructure[], purpose: Purpose): LayerState {
  const state = allocateState({ layer: 0, parts });
  state.parts.forEach(({ parameters: [weights, ...others] }, i) => {
    if (weights) new RandomStream(11, purpose, i).fillNormal(weights, 0.7);
    for (const values of others) new RandomStream(12, purpose, i).fillNormal(values, 0.3);
  });
  return state;
}

/** A layer, and a step on it. */
export interface Steps {
  readonly state: LayerState;
  readonly maxRows: number;
  /** One step with PROBE on the kernels, one per part of the state; returns the mean loss of the batch. */
  readonly step: (opened: readonly LayerKernel[]) => Promise<number>;
}

/** The gradient that a step used, of all parts whose parameters the reported loss depends on, against differences of that loss. */
export async function compareSteps(
  { state, maxRows, step }: Steps,
  compare = true,
): Promise<{ loss: number; compared?: Awaited<ReturnType<typeof compareGradient>> }> {
  const kernels = openReference();
  const run = async (): Promise<{ loss: number; after: LayerState }> => {
    const opened = await openState(kernels, state, { maxRows });
    const loss = await step(opened.map(({ kernel }) => kernel));
    const after = allocateState(state.structure);
    for (const [i, part] of opened.entries()) await part.read(after.parts[i] as LayerState['parts'][number]);
    closeParts(opened);
    return { loss, after };
  };
  try {
    const { loss, after } = await run();
    if (!compare) return { loss };
    const claimed: Claimed[] = [];
    for (const [part, { parameters }] of state.parts.entries()) {
      const structure = state.structure.parts[part] as PartStructure;
      const names = kindOf(structure.geometry)
        .parameters(structure.geometry)
        .map(({ name }) => name);
      const moved = (values: Float32Array): Promise<number> => changeBy(values, async () => (await run()).loss);
      for (const [at, values] of parameters.entries()) {
        if (names[at] === 'bias' && structure.withoutBias) continue;
        // What learns beside the loss, such as a head that only predicts, is not of its gradient.
        if (part > 0 && (await moved(values)) === 0) continue;
        const name = `the gradient of ${partName(state.structure, part)}.${names[at]}`;
        claimed.push({ name, values, gradient: after.parts[part]?.moment1[at] as Float32Array });
      }
    }
    // f32 losses of about 1: that much is rounding.
    const compared = await compareGradient(claimed, async () => (await run()).loss, 3e-7 * Math.max(1, Math.abs(loss)));
    return { loss, compared };
  } finally {
    kernels.close();
  }
}

/** By how much the loss changes where all `values` are moved. */
async function changeBy(values: Float32Array, loss: () => Promise<number>): Promise<number> {
  const kept = values.slice();
  const before = await loss();
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + 0.1;
  const after = await loss();
  values.set(kept);
  return Math.abs(after - before);
}
