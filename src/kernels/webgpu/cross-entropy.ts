/** The cross-entropy of a head's softmax: from what enters the head to its deltas, and what its rows leave in the history. */
import { allOrNone, maker } from './all-or-none.js';
import type { Slot } from './bindings.js';
import { destroyAll, type DeltaBuffers, type DenseWork, type RowBuffers } from './dense-work.js';
import type { Dispatch } from './device.js';
import { elements } from './groups.js';
import { headShaders, programBuffer } from './loss-shaders.js';
import type { LossStep, StepBuffers } from './loss-step.js';
import { factorWords, maskScalars, scalars } from './scalars.js';

/** What lies between a head's outputs and their deltas, [B] or [B, C], and the programs. */
interface SoftmaxBuffers {
  readonly largest: GPUBuffer;
  readonly exponentials: GPUBuffer;
  readonly offsets: GPUBuffer;
  readonly exponential: GPUBuffer;
  readonly offset: GPUBuffer;
  readonly derivative: GPUBuffer;
}

export class CrossEntropy {
  readonly rows: RowBuffers;
  readonly deltas: DeltaBuffers;
  readonly #head: DenseWork;
  readonly #buffers: StepBuffers;
  readonly #own: SoftmaxBuffers;
  readonly #ownsPrefix: boolean;

  private constructor(
    head: DenseWork,
    buffers: StepBuffers,
    parts: readonly [RowBuffers, DeltaBuffers, SoftmaxBuffers],
    ownsPrefix: boolean,
  ) {
    this.#head = head;
    this.#buffers = buffers;
    [this.rows, this.deltas, this.#own] = parts;
    this.#ownsPrefix = ownsPrefix;
  }

  /** @param prefix the buffer of what enters, where it is there already; it stays the caller's */
  static open(head: DenseWork, buffers: StepBuffers, prefix?: GPUBuffer): Promise<CrossEntropy> {
    const { maxRows, outputs, device } = head;
    const { exponentials, offsets, derivatives } = headShaders();
    const ownsPrefix = prefix === undefined;
    return allOrNone(async (adopt) => {
      const make = maker(device, "the outputs of a layer's head", adopt);
      const parts = [
        adopt(await head.rowBuffers(maxRows, maxRows, prefix), (rows) => destroyRows(rows, ownsPrefix)),
        adopt(await head.deltaBuffers(maxRows), destroyAll),
        {
          largest: await make(maxRows),
          exponentials: await make(2 * maxRows * outputs),
          offsets: await make(2 * maxRows),
          exponential: await programBuffer(device, exponentials, adopt),
          offset: await programBuffer(device, offsets, adopt),
          derivative: await programBuffer(device, derivatives, adopt),
        },
      ] as const;
      return new CrossEntropy(head, buffers, parts, ownsPrefix);
    });
  }

  parameters({ samples, headRule, outputMask, place }: LossStep): Uint32Array {
    const counts = { batch: samples, variants: 1, rows: samples, samples };
    return this.#head.parameters({
      ...counts,
      ...place,
      ...scalars(headRule),
      ...factorWords(samples),
      ...(outputMask ? maskScalars(outputMask, this.#head.outputs) : {}),
    });
  }

  async dispatches(samples: number, slot: Slot): Promise<Dispatch[]> {
    const head = this.#head;
    const { bindings } = head;
    const { largest, exponentials, offsets, exponential, offset, derivative } = this.#own;
    const { picks, history } = this.#buffers;
    const { y } = this.rows;
    const { given } = this.deltas;
    const counts = { batch: samples, rows: samples };
    const shaders = headShaders();
    const [rows, all] = [elements(samples), elements(samples * head.outputs)];
    return [
      ...(await head.forward(this.rows, counts, slot)),
      await bindings.dispatch(shaders.largest, slot, [y, picks, largest, history], rows),
      await bindings.dispatch(shaders.exponentials.shader, slot, [exponential, y, largest, exponentials], all),
      await bindings.dispatch(shaders.offsets.shader, slot, [offset, exponentials, largest, offsets, history], rows),
      await bindings.dispatch(shaders.derivatives.shader, slot, [derivative, y, offsets, picks, given], all),
      await head.deltas(y, this.deltas, counts, slot),
    ];
  }

  close(): void {
    destroyRows(this.rows, this.#ownsPrefix);
    destroyAll(this.deltas, this.#own);
  }
}

function destroyRows({ prefix, ...rows }: RowBuffers, ownsPrefix: boolean): void {
  destroyAll(rows, ownsPrefix ? [prefix] : []);
}
