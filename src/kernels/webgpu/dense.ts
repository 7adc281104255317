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
import { normaliseRow } from '../reference/operations.js';
import { denseShaders, ROWS_OF_SUMS, type ShaderName } from './dense-shaders.js';
import type { Dispatch, GpuDevice } from './device.js';
import { elements, spread } from './groups.js';
import { KeptActivations } from './kept-activations.js';
import { tileSide, type ShaderOptions } from './products.js';
import { checkFits } from './limits.js';
import { gathered, suffixOf } from './samples.js';
import { PARAMETERS, scalars, type Parameter } from './scalars.js';

/** Values of a buffer of rows in `infer`: larger inputs go through in parts. */
const VALUES_OF_A_PART = 2 ** 24;

/** Buffers of the layer itself, [I, O] and [O]. */
interface Parameters {
  readonly weights: GPUBuffer;
  readonly weightMoment1: GPUBuffer;
  readonly weightMoment2: GPUBuffer;
  readonly bias: GPUBuffer;
  readonly biasMoment1: GPUBuffer;
  readonly biasMoment2: GPUBuffer;
}

/** Buffers of a number of rows: what enters, the prefix part of a sample's outputs, what leaves, and its sums of squares. */
interface RowBuffers {
  readonly samples: number;
  readonly rows: number;
  readonly prefix: GPUBuffer;
  readonly suffix: GPUBuffer;
  readonly shared: GPUBuffer;
  readonly y: GPUBuffer;
  readonly sums: GPUBuffer;
}

/** The same of training: the given delta, the delta by rule 4 of each row and each sample. */
interface DeltaBuffers {
  readonly given: GPUBuffer;
  readonly delta: GPUBuffer;
  readonly sums: GPUBuffer;
}

interface Kept {
  readonly batch: number;
  readonly variants: number;
  readonly rows: number;
}

export class GpuDense implements DenseKernel {
  readonly inputs: number;
  readonly outputs: number;
  readonly suffixInputs: number;
  readonly #device: GpuDevice;
  readonly #options: DenseOptions;
  readonly #how: ShaderOptions;
  readonly #own: Parameters;
  readonly #uniform: GPUBuffer;
  readonly #side: number;
  #rows: RowBuffers | undefined;
  #inferred: RowBuffers | undefined;
  #deltas: DeltaBuffers | undefined;
  #inputGradients: GPUBuffer | undefined;
  #gradients: { readonly weights: GPUBuffer; readonly bias: GPUBuffer } | undefined;
  #kept: Kept | undefined;
  #activations: KeptActivations | undefined;
  #closed = false;

  private constructor(
    device: GpuDevice,
    tensors: DenseTensors,
    options: DenseOptions,
    how: ShaderOptions,
    own: Parameters,
  ) {
    this.inputs = tensors.inputs;
    this.outputs = tensors.outputs;
    this.suffixInputs = options.suffixInputs;
    this.#device = device;
    this.#options = options;
    this.#how = how;
    this.#own = own;
    this.#uniform = device.uniform(PARAMETERS.length);
    this.#side = tileSide(how);
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
    const { inputs, outputs } = tensors;
    const what = `a layer of ${inputs} inputs and ${outputs} units`;
    const filled = async (values: Float32Array): Promise<GPUBuffer> => {
      const buffer = await device.buffer(what, values.length);
      device.write(buffer, values);
      return buffer;
    };
    // Without training there are no moments; shaders that would need them are not run.
    const trained = options.maxRows > 0;
    const weights = await filled(tensors.weights);
    const bias = await filled(tensors.bias);
    const own = {
      weights,
      bias,
      weightMoment1: trained ? await filled(tensors.weightMoment1) : weights,
      weightMoment2: trained ? await filled(tensors.weightMoment2) : weights,
      biasMoment1: trained ? await filled(tensors.biasMoment1) : bias,
      biasMoment2: trained ? await filled(tensors.biasMoment2) : bias,
    };
    return new GpuDense(device, tensors, options, how, own);
  }

  async forward(input: LayerInput, sumSquares?: Float32Array): Promise<void> {
    this.#check();
    const rows = checkInput('forward', this, input);
    checkForward(rows, this.#options.maxRows, sumSquares);
    const { batch, variants } = input;
    this.#kept = undefined;
    this.#rows = await this.#buffersFor(this.#rows, batch, rows, this.#options.maxRows);
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
    const y = new Float32Array(activations ? samples * variants * outputs : 0);
    const sums = new Float32Array(samples * variants);
    for (let first = 0; first < batch; first += samples) {
      const count = Math.min(samples, batch - first);
      this.#inferred = await this.#buffersFor(this.#inferred, count, count * variants, samples * variants);
      const { y: from, sums: fromSums } = this.#inferred;
      const summed = normalise === true || sumSquares !== undefined;
      await this.#pass(this.#inferred, input, first, count, summed);
      const [values, squares] = [
        y.subarray(0, y.length && count * variants * outputs),
        sums.subarray(0, count * variants),
      ];
      await this.#device.read([
        { from, into: values },
        { from: fromSums, into: squares.subarray(0, summed ? squares.length : 0) },
      ]);
      for (let r = 0; r < count * variants; r++) {
        const to = Math.floor(r / count) * batch + first + (r % count);
        if (sumSquares) sumSquares[to] = squares[r] ?? 0;
        if (!activations) continue;
        const row = values.subarray(r * outputs, (r + 1) * outputs);
        if (normalise) normaliseRow(row, squares[r] ?? 0);
        activations.set(row, to * outputs);
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
    const { maxRows } = this.#options;
    this.#inputGradients ??= await this.#device.buffer('the gradient of a batch', maxRows * inputs);
    const { delta: from } = await this.#deltasFor(kept, delta);
    const groups = [this.#tiles(inputs), this.#tiles(kept.rows)] as const;
    this.#device.run([await this.#dispatch('inputGradient', [from, this.#own.weights, this.#inputGradients], groups)]);
    await this.#device.read([{ from: this.#inputGradients, into: out.subarray(0, kept.rows * inputs) }]);
  }

  async update(delta: Delta, rule: UpdateRule): Promise<void> {
    this.#check();
    const kept = this.#kept;
    checkDelta('update', this, kept?.rows, delta);
    checkRule(rule);
    if (!kept) return;
    const { outputs, suffixInputs } = this;
    const { prefix, suffix } = this.#rows as RowBuffers;
    const { weights, weightMoment1, weightMoment2, bias, biasMoment1, biasMoment2 } = this.#own;
    const prefixInputs = this.inputs - suffixInputs;
    this.#gradients ??= {
      weights: await this.#device.buffer('the gradient of a layer', this.inputs * outputs),
      bias: await this.#device.buffer('the gradient of a layer', outputs),
    };
    const gradients = this.#gradients;
    const { delta: rows, sums } = await this.#deltasFor(kept, delta);
    this.#write({ ...kept }, rule);
    const groups = [this.#tiles(outputs), this.#tiles(prefixInputs)] as const;
    const moments = (...all: readonly GPUBuffer[]) => all.slice(0, rule.kind === 'adam' ? 4 : 3);
    this.#device.run([
      await this.#dispatch('gradient', [prefix, sums, gradients.weights], groups),
      await this.#dispatch('suffixGradient', [suffix, rows, gradients.weights], elements(suffixInputs * outputs)),
      await this.#dispatch(
        rule.kind,
        moments(gradients.weights, weights, weightMoment1, weightMoment2),
        elements(this.inputs * outputs),
      ),
    ]);
    if (this.#options.fixedBias === true) return;
    // Biases do not decay.
    this.#write({ ...kept }, { ...rule, keep: 1 });
    this.#device.run([
      await this.#dispatch('biasGradient', [rows, gradients.bias], elements(outputs)),
      await this.#dispatch(rule.kind, moments(gradients.bias, bias, biasMoment1, biasMoment2), elements(outputs)),
    ]);
  }

  async read(into: DenseTensors): Promise<void> {
    this.#check();
    checkRead(this, into);
    const own = this.#own;
    const moments = ['weightMoment1', 'weightMoment2', 'biasMoment1', 'biasMoment2'] as const;
    const names = ['weights', 'bias', ...(this.#options.maxRows > 0 ? moments : [])] as const;
    for (const name of names) await this.#device.read([{ from: own[name], into: into[name] }]);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const buffers = [this.#own, this.#rows, this.#inferred, this.#deltas, this.#gradients].flatMap((group) =>
      Object.values(group ?? {}),
    );
    for (const buffer of new Set([...buffers, this.#uniform, this.#inputGradients]))
      if (typeof buffer === 'object') (buffer as GPUBuffer).destroy();
  }

  /** Rule 1 of samples `first` … of the input; what is kept is theirs. */
  async #pass(buffers: RowBuffers, input: LayerInput, first: number, batch: number, summed: boolean): Promise<void> {
    const { variants } = input;
    const { outputs, suffixInputs } = this;
    const width = this.inputs - suffixInputs;
    const rows = batch * variants;
    this.#device.write(buffers.prefix, gathered(input, first, batch, width));
    if (input.suffix) this.#device.write(buffers.suffix, suffixOf(input.suffix, input, first, batch, suffixInputs));
    this.#write({ batch, variants, rows });
    const { prefix, suffix, shared, y, sums } = buffers;
    const { weights, bias } = this.#own;
    const work = [
      await this.#dispatch('forward', [prefix, weights, bias, shared], [this.#tiles(outputs), this.#tiles(batch)]),
      await this.#dispatch('outputs', [shared, suffix, weights, y], elements(rows * outputs)),
    ];
    if (summed) work.push(await this.#dispatch('sumSquares', [y, sums], spread(Math.ceil(rows / ROWS_OF_SUMS))));
    this.#device.run(work);
  }

  /** Rule 4 up to the gradient: what each row and each sample of the kept batch has to teach. */
  async #deltasFor(kept: Kept, delta: Delta): Promise<DeltaBuffers> {
    const { outputs } = this;
    const { maxRows } = this.#options;
    this.#deltas ??= {
      given: await this.#device.buffer('the deltas of a batch', maxRows * Math.max(1, outputs)),
      delta: await this.#device.buffer('the deltas of a batch', maxRows * outputs),
      sums: await this.#device.buffer('the deltas of a batch', maxRows * outputs),
    };
    const { y } = this.#rows as RowBuffers;
    this.#activations?.upload();
    const scaled = 'rowScale' in delta;
    const given = scaled ? delta.rowScale.subarray(0, kept.rows) : delta.values.subarray(0, kept.rows * outputs);
    this.#device.write(this.#deltas.given, given);
    this.#write({ ...kept, scaled: scaled ? 1 : 0 });
    const buffers = [y, this.#deltas.given, this.#deltas.delta, this.#deltas.sums];
    this.#device.run([await this.#dispatch('delta', buffers, elements(kept.batch * outputs))]);
    return this.#deltas;
  }

  async #dispatch(name: ShaderName, buffers: readonly GPUBuffer[], groups: Dispatch['groups']): Promise<Dispatch> {
    const shader = denseShaders(this.#how)[name];
    const pipeline = await this.#device.pipeline(shader);
    return { pipeline, bindings: this.#device.bind(pipeline, this.#uniform, buffers), groups };
  }

  /** Writes what the shaders of the next calls read; those already in the queue have read theirs. */
  #write(values: Partial<Record<Parameter, number>>, rule?: UpdateRule): void {
    const all: Partial<Record<Parameter, number>> = {
      ...values,
      prefixInputs: this.inputs - this.suffixInputs,
      suffixInputs: this.suffixInputs,
      outputs: this.outputs,
      relu: this.#options.activation === 'relu' ? 1 : 0,
      ...(rule ? scalars(rule) : {}),
    };
    this.#device.write(
      this.#uniform,
      Uint32Array.from(PARAMETERS, (name) => all[name] ?? 0),
    );
  }

  async #buffersFor(had: RowBuffers | undefined, samples: number, rows: number, most: number): Promise<RowBuffers> {
    if (had && had.samples >= samples && had.rows >= rows) return had;
    for (const buffer of Object.values(had ?? {})) if (typeof buffer === 'object') (buffer as GPUBuffer).destroy();
    const { outputs, suffixInputs } = this;
    const width = this.inputs - suffixInputs;
    const make = (values: number) => this.#device.buffer(`${most} rows of a layer of ${outputs} units`, values);
    return {
      samples: most,
      rows: most,
      prefix: await make(most * width),
      suffix: await make(most * suffixInputs),
      shared: await make(most * outputs),
      y: await make(most * outputs),
      sums: await make(most),
    };
  }

  #tiles(size: number): number {
    return Math.ceil(size / this.#side);
  }

  #check(): void {
    if (this.#closed) failClosed();
  }
}
