/** The work of one step by its loss: from a batch that lies on the device to new weights. */
import { dropoutScale, type DropoutMask } from '../dropout.js';
import type { LossDescription, TrainerStep } from '../trainer.js';
import { destroyAll, type DeltaBuffers, type DenseWork, type RowBuffers, type Slot } from './dense-work.js';
import type { Dispatch } from './device.js';
import { elements } from './groups.js';
import { headShaders, rowScaleShader, type GoodnessDescription, type ProgramShader } from './loss-shaders.js';
import { factorWords, maskScalars, scalars, type ParameterValues } from './scalars.js';
import { stagingShaders } from './staging-shaders.js';

/** What a step has besides its batch. */
export interface LossStep extends Pick<TrainerStep, 'layerRule' | 'headRule' | 'outputMask'> {
  readonly batch: number;
  readonly variants: number;
  readonly samples: number;
  /** Where its samples are among the picks, and where its rows leave their words. */
  readonly place: ParameterValues;
}

/** Parameters of the layer that the batch enters, and of the head on it. */
export interface StepParameters {
  readonly layer: Uint32Array;
  readonly head?: Uint32Array;
}

export interface StepSlots {
  readonly layer: Slot;
  readonly head: Slot;
}

/** The training of one or two layers by a loss. The batch is in the prefix and suffix of `rows`. */
export interface LossWork {
  readonly rows: RowBuffers;
  parameters(step: LossStep): StepParameters;
  dispatches(step: LossStep, slots: StepSlots): Promise<Dispatch[]>;
  close(): void;
}

/** Buffers of all steps: whose samples they are, and what their rows leave. */
export interface StepBuffers {
  readonly picks: GPUBuffer;
  readonly history: GPUBuffer;
}

/** @param head what stands on `layer`; a layer that is itself the head has none */
export function openLossWork(
  layer: DenseWork,
  head: DenseWork | undefined,
  loss: LossDescription,
  buffers: StepBuffers,
): Promise<LossWork> {
  if ('steepness' in loss) return openGoodness(layer, loss, buffers);
  return head ? openLocalHead(layer, head, buffers) : openSoftmax(layer, buffers);
}

function dropped(layer: DenseWork, { y }: RowBuffers, rows: number, slot: Slot): Promise<Dispatch> {
  const threads = rows * Math.ceil(layer.outputs / 128) * 16;
  return layer.dispatch(stagingShaders().dropout, slot, [y], elements(threads));
}

const ofMask = (mask: DropoutMask | undefined): ParameterValues => (mask ? maskScalars(mask) : {});

async function programBuffer({ device }: DenseWork, { code }: ProgramShader): Promise<GPUBuffer> {
  const buffer = await device.buffer('a program', code.length);
  device.write(buffer, code);
  return buffer;
}

async function openGoodness(layer: DenseWork, loss: GoodnessDescription, { history }: StepBuffers): Promise<LossWork> {
  const { outputs, maxRows } = layer;
  const rows = await layer.rowBuffers(maxRows, maxRows);
  const deltas = await layer.deltaBuffers(maxRows);
  const slopes = rowScaleShader({ loss, outputs });
  const program = await programBuffer(layer, slopes);
  return {
    rows,
    parameters({ batch, variants, samples, layerRule, outputMask: mask, place }) {
      // As GoodnessTraining has it: the loss by y is dLoss/dGoodness · 2 y (/ O); the batch's loss is the mean.
      const scale = mask ? dropoutScale(mask) : 1;
      const factor = (2 * scale) / samples / (loss.goodness === 'sum' ? 1 : outputs);
      const counts = { batch, variants, rows: batch * variants, samples, scaled: 1 };
      return {
        layer: layer.parameters({
          ...counts,
          ...place,
          ...scalars(layerRule),
          ...factorWords(factor),
          ...ofMask(mask),
        }),
      };
    },
    async dispatches({ batch, variants, layerRule, outputMask }, { layer: slot }) {
      const counts = { batch, rows: batch * variants };
      const work = await layer.forward(rows, counts, slot);
      if (outputMask) work.push(await dropped(layer, rows, counts.rows, slot));
      work.push(
        await layer.sumSquares(rows, counts, slot),
        await layer.dispatch(slopes.shader, slot, [program, rows.sums, deltas.given, history], elements(counts.rows)),
        await layer.deltas(rows.y, deltas, counts, slot),
        ...(await layer.update(rows, deltas, layerRule.kind, slot)),
      );
      return work;
    },
    close: () => destroyAll(rows, deltas, [program]),
  };
}

/** What lies between a head's outputs and their deltas, [B] or [B, C], and the programs. */
interface SoftmaxBuffers {
  readonly largest: GPUBuffer;
  readonly exponentials: GPUBuffer;
  readonly offsets: GPUBuffer;
  readonly exponential: GPUBuffer;
  readonly offset: GPUBuffer;
  readonly derivative: GPUBuffer;
}

/** The cross-entropy of a head's softmax: from what enters the head, `rows.prefix`, to `deltas`. */
class CrossEntropy {
  readonly rows: RowBuffers;
  readonly deltas: DeltaBuffers;
  readonly #head: DenseWork;
  readonly #buffers: StepBuffers;
  readonly #own: SoftmaxBuffers;

  private constructor(
    head: DenseWork,
    buffers: StepBuffers,
    parts: readonly [RowBuffers, DeltaBuffers, SoftmaxBuffers],
  ) {
    this.#head = head;
    this.#buffers = buffers;
    [this.rows, this.deltas, this.#own] = parts;
  }

  /** @param prefix the buffer of what enters, where it is there already */
  static async open(head: DenseWork, buffers: StepBuffers, prefix?: GPUBuffer): Promise<CrossEntropy> {
    const { maxRows, outputs, device } = head;
    const { exponentials, offsets, derivatives } = headShaders();
    const make = (values: number) => device.buffer("the outputs of a layer's head", values);
    return new CrossEntropy(head, buffers, [
      await head.rowBuffers(maxRows, maxRows, prefix),
      await head.deltaBuffers(maxRows),
      {
        largest: await make(maxRows),
        exponentials: await make(2 * maxRows * outputs),
        offsets: await make(2 * maxRows),
        exponential: await programBuffer(head, exponentials),
        offset: await programBuffer(head, offsets),
        derivative: await programBuffer(head, derivatives),
      },
    ]);
  }

  parameters({ samples, headRule, outputMask, place }: LossStep): Uint32Array {
    const counts = { batch: samples, variants: 1, rows: samples, samples };
    return this.#head.parameters({
      ...counts,
      ...place,
      ...scalars(headRule),
      ...factorWords(samples),
      ...ofMask(outputMask),
    });
  }

  async dispatches(samples: number, slot: Slot): Promise<Dispatch[]> {
    const head = this.#head;
    const { largest, exponentials, offsets, exponential, offset, derivative } = this.#own;
    const { picks, history } = this.#buffers;
    const { y } = this.rows;
    const { given } = this.deltas;
    const counts = { batch: samples, rows: samples };
    const shaders = headShaders();
    const [rows, all] = [elements(samples), elements(samples * head.outputs)];
    return [
      ...(await head.forward(this.rows, counts, slot)),
      await head.dispatch(shaders.largest, slot, [y, picks, largest, history], rows),
      await head.dispatch(shaders.exponentials.shader, slot, [exponential, y, largest, exponentials], all),
      await head.dispatch(shaders.offsets.shader, slot, [offset, exponentials, largest, offsets, history], rows),
      await head.dispatch(shaders.derivatives.shader, slot, [derivative, y, offsets, picks, given], all),
      await head.deltas(y, this.deltas, counts, slot),
    ];
  }

  close(): void {
    destroyAll(this.rows, this.deltas, this.#own);
  }
}

async function openSoftmax(head: DenseWork, buffers: StepBuffers): Promise<LossWork> {
  const loss = await CrossEntropy.open(head, buffers);
  return {
    rows: loss.rows,
    parameters: (step) => ({ layer: loss.parameters(step) }),
    dispatches: async ({ samples, headRule }, { layer: slot }) => [
      ...(await loss.dispatches(samples, slot)),
      ...(await head.update(loss.rows, loss.deltas, headRule.kind, slot)),
    ],
    close: () => loss.close(),
  };
}

async function openLocalHead(layer: DenseWork, head: DenseWork, buffers: StepBuffers): Promise<LossWork> {
  const { maxRows } = layer;
  const rows = await layer.rowBuffers(maxRows, maxRows);
  const deltas = await layer.deltaBuffers(maxRows);
  const loss = await CrossEntropy.open(head, buffers, rows.y);
  // Where activations were dropped, what goes through the head into the layer is another delta than the head's own.
  let through: DeltaBuffers | undefined;
  return {
    rows,
    parameters(step) {
      const { batch, samples, layerRule, outputMask, place } = step;
      const counts = { batch, variants: 1, rows: batch, samples };
      return {
        layer: layer.parameters({ ...counts, ...place, ...scalars(layerRule), ...ofMask(outputMask) }),
        head: loss.parameters(step),
      };
    },
    async dispatches({ batch, layerRule, headRule, outputMask }, slots) {
      const counts = { batch, rows: batch };
      const work = await layer.forward(rows, counts, slots.layer);
      if (outputMask) work.push(await dropped(layer, rows, batch, slots.layer));
      work.push(...(await loss.dispatches(batch, slots.head)));
      let passed = loss.deltas;
      if (outputMask) {
        passed = through ??= await head.deltaBuffers(maxRows);
        const { scale } = stagingShaders();
        work.push(
          await head.dispatch(scale, slots.head, [loss.deltas.given, passed.given], elements(batch * head.outputs)),
          await head.deltas(loss.rows.y, passed, counts, slots.head),
        );
      }
      work.push(
        // Through the head's weights as they were in the forward pass, so before the head steps.
        await head.inputGradient(passed, deltas.given, counts, slots.head),
        ...(await head.update(loss.rows, loss.deltas, headRule.kind, slots.head)),
        await layer.deltas(rows.y, deltas, counts, slots.layer),
        ...(await layer.update(rows, deltas, layerRule.kind, slots.layer)),
      );
      return work;
    },
    close() {
      loss.close();
      destroyAll(rows, deltas, through);
    },
  };
}
