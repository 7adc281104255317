/**
 * The work of a fully connected layer as dispatches: its buffers on the device, and the steps of the rules over them. Who calls says when
 * what is done (dense.ts one call at a time, trainer.ts many steps at once) and where the parameters of a call lie.
 */
import type { DenseOptions, DenseTensors } from '../kernels.js';
import type { UpdateRule } from '../operands.js';
import { allOrNone, maker } from './all-or-none.js';
import { Bindings, type Slot } from './bindings.js';
import { elementShaders, productShaders, type ElementName, type ProductName } from './dense-shaders.js';
import { ROWS_OF_SUMS } from './lane-sums.js';
import type { Dispatch, GpuDevice } from './device.js';
import { elements, spread } from './groups.js';
import { tiling, type ShaderOptions } from './products.js';
import { parameterWords, type ParameterValues } from './scalars.js';

/** Buffers of the layer itself, [I, O] and [O]. */
interface Own {
  readonly weights: GPUBuffer;
  readonly weightMoment1: GPUBuffer;
  readonly weightMoment2: GPUBuffer;
  readonly bias: GPUBuffer;
  readonly biasMoment1: GPUBuffer;
  readonly biasMoment2: GPUBuffer;
}

/** Buffers of a number of rows: what enters, the prefix part of a sample's outputs, what leaves, its sums of squares, and one by its length. */
export interface RowBuffers {
  readonly samples: number;
  readonly rows: number;
  readonly prefix: GPUBuffer;
  readonly suffix: GPUBuffer;
  readonly shared: GPUBuffer;
  readonly y: GPUBuffer;
  readonly sums: GPUBuffer;
  readonly inverse: GPUBuffer;
}

/** The same of training: the given delta, the delta by rule 4 of each row and each sample. */
export interface DeltaBuffers {
  readonly given: GPUBuffer;
  readonly delta: GPUBuffer;
  readonly sums: GPUBuffer;
}

/** Rows of a call. */
export interface Counts {
  readonly batch: number;
  readonly rows: number;
}

export class DenseWork {
  readonly inputs: number;
  readonly outputs: number;
  readonly suffixInputs: number;
  readonly prefixInputs: number;
  readonly device: GpuDevice;
  readonly how: ShaderOptions;
  readonly own: Own;
  readonly bindings: Bindings;
  readonly #options: DenseOptions;

  private constructor(device: GpuDevice, tensors: DenseTensors, options: DenseOptions, how: ShaderOptions, own: Own) {
    this.inputs = tensors.inputs;
    this.outputs = tensors.outputs;
    this.suffixInputs = options.suffixInputs;
    this.prefixInputs = this.inputs - this.suffixInputs;
    this.device = device;
    this.bindings = new Bindings(device);
    this.how = how;
    this.own = own;
    this.#options = options;
  }

  /** @throws PffError `memory` where the device has no room for it */
  static async open(device: GpuDevice, tensors: DenseTensors, options: DenseOptions, how: ShaderOptions) {
    const { inputs, outputs } = tensors;
    // Without training there are no moments; shaders that would need them are not run.
    const trained = options.maxRows > 0;
    const own = await allOrNone(async (adopt) => {
      const make = maker(device, `a layer of ${inputs} inputs and ${outputs} units`, adopt);
      const filled = async (values: Float32Array): Promise<GPUBuffer> => {
        const buffer = await make(values.length);
        device.write(buffer, values);
        return buffer;
      };
      const weights = await filled(tensors.weights);
      const bias = await filled(tensors.bias);
      return {
        weights,
        bias,
        weightMoment1: trained ? await filled(tensors.weightMoment1) : weights,
        weightMoment2: trained ? await filled(tensors.weightMoment2) : weights,
        biasMoment1: trained ? await filled(tensors.biasMoment1) : bias,
        biasMoment2: trained ? await filled(tensors.biasMoment2) : bias,
      };
    });
    return new DenseWork(device, tensors, options, how, own);
  }

  get maxRows(): number {
    return this.#options.maxRows;
  }

  /** Parameters of a call in the order of shaders. */
  parameters(values: ParameterValues): Uint32Array {
    const { prefixInputs, suffixInputs, outputs } = this;
    const relu = this.#options.activation === 'relu' ? 1 : 0;
    return parameterWords({ prefixInputs, suffixInputs, outputs, relu, ...values });
  }

  /** @param prefix the buffer of what enters, where it is there already */
  rowBuffers(samples: number, rows: number, prefix?: GPUBuffer): Promise<RowBuffers> {
    const { device, outputs, suffixInputs, prefixInputs } = this;
    return allOrNone(async (adopt) => {
      const make = maker(device, `${rows} rows of a layer of ${outputs} units`, adopt);
      return {
        samples,
        rows,
        prefix: prefix ?? (await make(samples * prefixInputs)),
        suffix: await make(rows * suffixInputs),
        shared: await make(samples * outputs),
        y: await make(rows * outputs),
        sums: await make(rows),
        inverse: await make(rows),
      };
    });
  }

  /** @param given values [R, O], or one a row */
  deltaBuffers(rows: number, given?: GPUBuffer): Promise<DeltaBuffers> {
    const values = rows * this.outputs;
    return allOrNone(async (adopt) => {
      const make = maker(this.device, 'the deltas of a batch', adopt);
      return { given: given ?? (await make(values)), delta: await make(values), sums: await make(values) };
    });
  }

  /** Rule 1: from prefix and suffix to y. */
  async forward({ prefix, suffix, shared, y }: RowBuffers, { batch, rows }: Counts, slot: Slot): Promise<Dispatch[]> {
    const { weights, bias } = this.own;
    return [
      await this.#product('forward', slot, [prefix, weights, bias, shared], this.outputs, batch),
      await this.#dispatch('outputs', slot, [shared, suffix, weights, y], elements(rows * this.outputs)),
    ];
  }

  /** Rule 2: from y to sums. */
  sumSquares({ y, sums }: RowBuffers, { rows }: Counts, slot: Slot): Promise<Dispatch> {
    return this.#dispatch('sumSquares', slot, [y, sums], spread(Math.ceil(rows / ROWS_OF_SUMS)));
  }

  /** Rule 3, of y in its place, once its sums of squares are there. */
  async normalise({ y, sums, inverse }: RowBuffers, { rows }: Counts, slot: Slot): Promise<Dispatch[]> {
    return [
      await this.#dispatch('lengths', slot, [sums, inverse], elements(rows)),
      await this.#dispatch('normalise', slot, [inverse, y], elements(rows * this.outputs)),
    ];
  }

  /** Rule 4 up to the gradient: what each row and each sample has to teach. Reads the parameters `scaled` and `variants`. */
  deltas(y: GPUBuffer, { given, delta, sums }: DeltaBuffers, { batch }: Counts, slot: Slot): Promise<Dispatch> {
    return this.#dispatch('delta', slot, [y, given, delta, sums], elements(batch * this.outputs));
  }

  /** Rule 6: from delta to `out` [R, I]. */
  inputGradient({ delta }: DeltaBuffers, out: GPUBuffer, { rows }: Counts, slot: Slot): Promise<Dispatch> {
    return this.#product('inputGradient', slot, [delta, this.own.weights, out], this.inputs, rows);
  }

  /** Rules 4 and 5: gradient and step, fused. Reads the parameters of the rule. */
  async update(
    { prefix, suffix }: RowBuffers,
    { delta, sums }: DeltaBuffers,
    kind: UpdateRule['kind'],
    slot: Slot,
  ): Promise<Dispatch[]> {
    const { outputs, prefixInputs, suffixInputs } = this;
    const { weights, weightMoment1, weightMoment2, bias, biasMoment1, biasMoment2 } = this.own;
    const state = (...buffers: readonly GPUBuffer[]) => buffers.slice(0, kind === 'adam' ? 3 : 2);
    const weightState = state(weights, weightMoment1, weightMoment2);
    const biasState = state(bias, biasMoment1, biasMoment2);
    const work = [await this.#product(`prefix ${kind}`, slot, [prefix, sums, ...weightState], outputs, prefixInputs)];
    if (suffixInputs > 0) {
      const groups = elements(suffixInputs * outputs);
      work.push(await this.#dispatch(`suffix ${kind}`, slot, [suffix, delta, ...weightState], groups));
    }
    if (this.#options.fixedBias !== true)
      work.push(await this.#dispatch(`bias ${kind}`, slot, [delta, ...biasState], elements(outputs)));
    return work;
  }

  #dispatch(name: ElementName, slot: Slot, buffers: readonly GPUBuffer[], groups: Dispatch['groups']) {
    return this.bindings.dispatch(elementShaders(this.how.form)[name], slot, buffers, groups);
  }

  #product(name: ProductName, slot: Slot, buffers: readonly GPUBuffer[], columns: number, rows: number) {
    const { each, groups } = tiling(this.how, columns, rows);
    return this.bindings.dispatch(productShaders({ ...this.how, each })[name], slot, buffers, groups);
  }

  /** Frees the buffers of the layer itself. */
  close(): void {
    destroyAll(this.own);
    this.bindings.clear();
  }
}

/** Frees the buffers in groups of them, each once. */
export function destroyAll(...groups: readonly (object | undefined)[]): void {
  const buffers = groups.flatMap((group): unknown[] => Object.values(group ?? {}));
  for (const buffer of new Set(buffers)) if (typeof buffer === 'object') (buffer as GPUBuffer).destroy();
}
