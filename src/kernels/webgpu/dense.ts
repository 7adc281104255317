/** A fully connected layer on a GPU: weights and moments stay there; a batch goes in, sums of squares come back, and a delta goes in. */
import {
  checkDelta,
  checkForward,
  checkInput,
  checkInputGradient,
  checkOptions,
  checkOutput,
  checkRead,
  checkRule,
  checkTensors,
  failClosed,
} from '../check.js';
import type { DenseKernel, DenseOptions, DenseTensors, LayerInput, LayerOutput } from '../kernels.js';
import type { Delta, UpdateRule } from '../operands.js';
import { DenseWork, destroyAll, type DeltaBuffers, type RowBuffers } from './dense-work.js';
import type { GpuDevice } from './device.js';
import { KeptActivations } from './kept-activations.js';
import { checkFits } from './limits.js';
import type { ShaderOptions } from './products.js';
import { gathered, suffixOf } from './samples.js';
import { scalars, SLOT_BYTES, type ParameterValues } from './scalars.js';

/** Values of a buffer of rows in `infer`: larger inputs go through in parts. */
const VALUES_OF_A_PART = 2 ** 24;

interface Kept {
  readonly batch: number;
  readonly variants: number;
  readonly rows: number;
}

/** Who trains a layer without it: what it has begun is put into the queue before anything else is asked of the layer. */
export interface Attached {
  flush(): void;
  close(): void;
}

export class GpuDense implements DenseKernel {
  readonly inputs: number;
  readonly outputs: number;
  readonly suffixInputs: number;
  /** For who trains it. */
  readonly work: DenseWork;
  readonly #device: GpuDevice;
  readonly #uniform: GPUBuffer;
  readonly #attached: Attached[] = [];
  #rows: RowBuffers | undefined;
  #inferred: RowBuffers | undefined;
  #deltas: DeltaBuffers | undefined;
  #inputGradients: GPUBuffer | undefined;
  #kept: Kept | undefined;
  #activations: KeptActivations | undefined;
  #closed = false;

  private constructor(work: DenseWork) {
    this.inputs = work.inputs;
    this.outputs = work.outputs;
    this.suffixInputs = work.suffixInputs;
    this.work = work;
    this.#device = work.device;
    this.#uniform = work.device.uniform(SLOT_BYTES / 4);
  }

  /** @throws PffError `memory` where the device has no room for it */
  static async open(
    device: GpuDevice,
    tensors: DenseTensors,
    options: DenseOptions,
    how: ShaderOptions,
  ): Promise<GpuDense> {
    checkTensors('openDense', tensors);
    checkOptions(tensors, options);
    checkFits(device, tensors, options.maxRows);
    return new GpuDense(await DenseWork.open(device, tensors, options, how));
  }

  /** The trainer is closed with the layer. */
  attach(trainer: Attached): void {
    this.#attached.push(trainer);
  }

  async forward(input: LayerInput, sumSquares?: Float32Array): Promise<void> {
    this.#check();
    const rows = checkInput('forward', this, input);
    checkForward(rows, this.work.maxRows, sumSquares);
    const { batch, variants } = input;
    this.#kept = undefined;
    this.#rows = await this.#buffersFor(this.#rows, batch, rows, this.work.maxRows);
    await this.#pass(this.#rows, input, 0, batch, sumSquares !== undefined);
    this.#kept = { batch, variants, rows };
    this.#activations = new KeptActivations(this.#device, this.#rows.y, rows * this.outputs);
    if (sumSquares) await this.#device.read([{ from: this.#rows.sums, into: sumSquares.subarray(0, rows) }]);
  }

  async infer(input: LayerInput, output: LayerOutput): Promise<void> {
    this.#check();
    const rows = checkInput('infer', this, input);
    checkOutput(this, input, output, rows);
    const { batch, variants } = input;
    const { activations, sumSquares, normalise } = output;
    const { outputs } = this;
    const width = Math.max(outputs * variants, this.inputs - this.suffixInputs, this.suffixInputs * variants, 1);
    const samples = Math.max(1, Math.min(batch, Math.floor(VALUES_OF_A_PART / width)));
    // Rows that lie as they are asked for are read into their place.
    const inPlace = variants === 1 || samples === batch;
    const y = new Float32Array(activations && !inPlace ? samples * variants * outputs : 0);
    const sums = new Float32Array(sumSquares && !inPlace ? samples * variants : 0);
    for (let first = 0; first < batch; first += samples) {
      const count = Math.min(samples, batch - first);
      this.#inferred = await this.#buffersFor(this.#inferred, count, count * variants, samples * variants);
      const { y: from, sums: fromSums } = this.#inferred;
      const summed = normalise === true || sumSquares !== undefined;
      await this.#pass(this.#inferred, input, first, count, summed, normalise);
      const leaving = count * variants;
      const part = (all: Float32Array | undefined, own: Float32Array, each: number) =>
        inPlace
          ? (all?.subarray(first * each, (first + leaving) * each) ?? own)
          : own.subarray(0, own.length && leaving * each);
      const values = part(activations, y, outputs);
      const squares = part(sumSquares, sums, 1);
      await this.#device.read([
        { from, into: values },
        { from: fromSums, into: squares },
      ]);
      if (inPlace) continue;
      for (let r = 0; r < leaving; r++) {
        const to = Math.floor(r / count) * batch + first + (r % count);
        if (sumSquares) sumSquares[to] = squares[r] ?? 0;
        activations?.set(values.subarray(r * outputs, (r + 1) * outputs), to * outputs);
      }
    }
  }

  async activations(): Promise<Float32Array> {
    this.#check();
    return (await this.#activations?.view()) ?? new Float32Array();
  }

  async inputGradient(delta: Delta, out: Float32Array): Promise<void> {
    this.#check();
    const kept = this.#kept;
    checkDelta('inputGradient', this, kept?.rows, delta);
    if (!kept) return;
    checkInputGradient(this, kept.rows, out);
    const { inputs } = this;
    const { maxRows } = this.work;
    this.#inputGradients ??= await this.#device.buffer('the gradient of a batch', maxRows * inputs);
    const deltas = await this.#deltasFor(kept, delta);
    this.#device.run([await this.work.inputGradient(deltas, this.#inputGradients, kept, this.#slot)]);
    await this.#device.read([{ from: this.#inputGradients, into: out.subarray(0, kept.rows * inputs) }]);
  }

  async update(delta: Delta, rule: UpdateRule): Promise<void> {
    this.#check();
    const kept = this.#kept;
    checkDelta('update', this, kept?.rows, delta);
    checkRule(rule);
    if (!kept) return;
    const deltas = await this.#deltasFor(kept, delta);
    this.#write({ ...kept, ...scalars(rule) });
    this.#device.run(await this.work.update(this.#rows as RowBuffers, deltas, rule.kind, this.#slot));
  }

  async read(into: DenseTensors): Promise<void> {
    this.#check();
    checkRead(this, into);
    const { own, maxRows } = this.work;
    const moments = ['weightMoment1', 'weightMoment2', 'biasMoment1', 'biasMoment2'] as const;
    const names = ['weights', 'bias', ...(maxRows > 0 ? moments : [])] as const;
    for (const name of names) await this.#device.read([{ from: own[name], into: into[name] }]);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const trainer of this.#attached) trainer.close();
    this.work.close();
    destroyAll(this.#rows, this.#inferred, this.#deltas, [this.#uniform, this.#inputGradients]);
  }

  /** Rule 1 of samples `first` … of the input; what is kept is theirs. */
  async #pass(
    buffers: RowBuffers,
    input: LayerInput,
    first: number,
    batch: number,
    summed: boolean,
    normalise = false,
  ): Promise<void> {
    const { variants } = input;
    const { prefixInputs, suffixInputs } = this.work;
    const counts = { batch, rows: batch * variants };
    this.#device.write(buffers.prefix, gathered(input, first, batch, prefixInputs));
    if (input.suffix) this.#device.write(buffers.suffix, suffixOf(input.suffix, input, first, batch, suffixInputs));
    this.#write({ ...counts, variants });
    const work = await this.work.forward(buffers, counts, this.#slot);
    if (summed) work.push(await this.work.sumSquares(buffers, counts, this.#slot));
    if (normalise) work.push(...(await this.work.normalise(buffers, counts, this.#slot)));
    this.#device.run(work);
  }

  /** Rule 4 up to the gradient: what each row and each sample of the kept batch has to teach. */
  async #deltasFor(kept: Kept, delta: Delta): Promise<DeltaBuffers> {
    const { outputs } = this;
    this.#deltas ??= await this.work.deltaBuffers(this.work.maxRows);
    const { y } = this.#rows as RowBuffers;
    this.#activations?.upload();
    const scaled = 'rowScale' in delta;
    const given = scaled ? delta.rowScale.subarray(0, kept.rows) : delta.values.subarray(0, kept.rows * outputs);
    this.#device.write(this.#deltas.given, given);
    this.#write({ ...kept, scaled: scaled ? 1 : 0 });
    this.#device.run([await this.work.deltas(y, this.#deltas, kept, this.#slot)]);
    return this.#deltas;
  }

  get #slot() {
    return { buffer: this.#uniform, offset: 0 };
  }

  /** Writes what the shaders of the next calls read; those already in the queue have read theirs. */
  #write(values: ParameterValues): void {
    this.#device.write(this.#uniform, this.work.parameters(values));
  }

  async #buffersFor(had: RowBuffers | undefined, samples: number, rows: number, most: number): Promise<RowBuffers> {
    if (had && had.samples >= samples && had.rows >= rows) return had;
    destroyAll(had);
    return this.work.rowBuffers(most, most);
  }

  #check(): void {
    if (this.#closed) failClosed('dense');
    for (const trainer of this.#attached) trainer.flush();
  }
}
