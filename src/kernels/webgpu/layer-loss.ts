/** What a layer learns, by the built-in losses: from what leaves it, wherever that was computed, to the loss by that. A head on it takes its step, too. */
import { dropoutScale } from '../dropout.js';
import type { LossDescription } from '../trainer.js';
import { allOrNone, maker } from './all-or-none.js';
import { Bindings, type Slot } from './bindings.js';
import { CrossEntropy } from './cross-entropy.js';
import { destroyAll, type DeltaBuffers, type DenseWork } from './dense-work.js';
import { elementShaders } from './dense-shaders.js';
import type { Dispatch, GpuDevice } from './device.js';
import { elements, spread } from './groups.js';
import { ROWS_OF_SUMS } from './lane-sums.js';
import { programBuffer, rowScaleShader, type GoodnessDescription } from './loss-shaders.js';
import type { LossStep, StepBuffers, StepSlots } from './loss-step.js';
import type { ArithmeticForm } from './arithmetic.js';
import { factorWords, maskScalars, type ParameterValues } from './scalars.js';
import { dropoutThreads, stagingShaders } from './staging-shaders.js';

/** A layer of any kind, as losses see it. */
export interface Leaving {
  readonly device: GpuDevice;
  readonly form: ArithmeticForm;
  readonly outputs: number;
  readonly maxRows: number;
  /** [R, O]: what leaves it; the same buffer in all steps. */
  readonly y: GPUBuffer;
}

export interface LayerLoss {
  /** The loss by what leaves the layer: scales of rows [R] if `scaled`, else [R, O]. */
  readonly given: GPUBuffer;
  readonly scaled: boolean;
  /** The layer's own parameters of a step, and those of its head. */
  parameters(step: LossStep): { readonly layer: ParameterValues; readonly head?: Uint32Array };
  /** From y to `given`; masks y first. */
  dispatches(step: LossStep, slots: StepSlots): Promise<Dispatch[]>;
  close(): void;
}

/** @param given the buffer for the loss by what leaves, where it is there already; it stays the caller's */
export function openLayerLoss(
  layer: Leaving,
  head: DenseWork | undefined,
  loss: LossDescription,
  buffers: StepBuffers,
  given?: GPUBuffer,
): Promise<LayerLoss> {
  if ('steepness' in loss) return openGoodness(layer, loss, buffers, given);
  if (head) return openLocalHead(layer, head, buffers, given);
  throw new RangeError(`a layer without a head does not learn by ${loss.kind}`);
}

/** What a step is for its layer, whatever the loss. */
function valuesOf({ outputs }: Leaving, { batch, variants, samples, place, ...step }: LossStep): ParameterValues {
  const { outputMask, outputChannels = outputs } = step;
  const mask = outputMask ? maskScalars(outputMask, outputChannels) : {};
  return { outputs, batch, variants, rows: batch * variants, samples, ...place, ...mask };
}

/** Masks y, if that is to be. */
async function dropped(layer: Leaving, bindings: Bindings, step: LossStep, slot: Slot): Promise<Dispatch[]> {
  const { batch, variants, outputMask, outputChannels = layer.outputs } = step;
  if (!outputMask) return [];
  const threads = dropoutThreads(batch * variants, outputChannels);
  return [await bindings.dispatch(stagingShaders().dropout, slot, [layer.y], threads)];
}

async function openGoodness(
  layer: Leaving,
  loss: GoodnessDescription,
  { history }: StepBuffers,
  kept: GPUBuffer | undefined,
): Promise<LayerLoss> {
  const { device, outputs, maxRows, form } = layer;
  const bindings = new Bindings(device);
  const slopes = rowScaleShader({ loss, outputs });
  const { sums, given, program } = await allOrNone(async (adopt) => {
    const make = maker(device, 'the loss by sums of squares', adopt);
    return {
      sums: await make(maxRows),
      given: kept ?? (await make(maxRows)),
      program: await programBuffer(device, slopes, adopt),
    };
  });
  return {
    given,
    scaled: true,
    parameters(step) {
      // As GoodnessTraining has it: the loss by y is dLoss/dGoodness · 2 y (/ O); the batch's loss is the mean.
      const scale = step.outputMask ? dropoutScale(step.outputMask) : 1;
      const factor = (2 * scale) / step.samples / (loss.goodness === 'sum' ? 1 : outputs);
      return { layer: { ...valuesOf(layer, step), scaled: 1, ...factorWords(factor) } };
    },
    async dispatches(step, { layer: slot }) {
      const rows = step.batch * step.variants;
      const groups = spread(Math.ceil(rows / ROWS_OF_SUMS));
      return [
        ...(await dropped(layer, bindings, step, slot)),
        await bindings.dispatch(elementShaders(form).sumSquares, slot, [layer.y, sums], groups),
        await bindings.dispatch(slopes.shader, slot, [program, sums, given, history], elements(rows)),
      ];
    },
    close: () => destroyAll([sums, program], kept ? [] : [given]),
  };
}

async function openLocalHead(
  layer: Leaving,
  head: DenseWork,
  buffers: StepBuffers,
  kept: GPUBuffer | undefined,
): Promise<LayerLoss> {
  const { device, outputs, maxRows, y } = layer;
  const bindings = new Bindings(device);
  const { given, loss } = await allOrNone(async (adopt) => ({
    given: kept ?? (await maker(device, 'the loss by what leaves a layer', adopt)(maxRows * outputs)),
    loss: await CrossEntropy.open(head, buffers, y),
  }));
  // Where activations were dropped, what goes through the head into the layer is another delta than the head's own.
  let through: DeltaBuffers | undefined;
  return {
    given,
    scaled: false,
    parameters: (step) => ({ layer: valuesOf(layer, step), head: loss.parameters(step) }),
    async dispatches(step, slots) {
      const { batch, headRule, outputMask } = step;
      const counts = { batch, rows: batch };
      const work = [
        ...(await dropped(layer, bindings, step, slots.layer)),
        ...(await loss.dispatches(batch, slots.head)),
      ];
      let passed = loss.deltas;
      if (outputMask) {
        passed = through ??= await head.deltaBuffers(maxRows);
        const { scale } = stagingShaders();
        const all = elements(batch * head.outputs);
        work.push(
          await bindings.dispatch(scale, slots.head, [loss.deltas.given, passed.given], all),
          await head.deltas(loss.rows.y, passed, counts, slots.head),
        );
      }
      work.push(
        // Through the head's weights as they were in the forward pass, so before the head steps.
        await head.inputGradient(passed, given, counts, slots.head),
        ...(await head.update(loss.rows, loss.deltas, headRule.kind, slots.head)),
      );
      return work;
    },
    close() {
      loss.close();
      destroyAll(through, kept ? [] : [given]);
    },
  };
}
