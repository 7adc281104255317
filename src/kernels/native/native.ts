/** The native kernels: the contract of kernels.ts over the functions of the addon. */
import { PffError } from '../../errors.js';
import type { Addon, BackendHandle, DenseHandle, Floats, Six } from './addon.js';
import {
  checkDelta,
  checkDropout,
  checkForward,
  checkInput,
  checkInputGradient,
  checkOptions,
  checkOutput,
  checkRead,
  checkRule,
  checkStage,
  checkTensors,
  failClosed,
} from '../check.js';
import { CpuBlock } from '../block/block-kernel.js';
import { dropoutScale } from '../dropout.js';
import {
  type Delta,
  type DenseOptions,
  type DenseTensors,
  type LayerInput,
  type LayerOutput,
  type Precision,
  type SyncDenseKernel,
  type SyncKernels,
  type UpdateRule,
} from '../kernels.js';
import { exactNumerics } from '../numerics.js';
import { nativePlanes } from './planes.js';
import { translated } from './translated.js';

/** Kernels that can also measure the core they run on. */
export interface NativeKernels extends SyncKernels {
  /** FLOP/s (two for each multiply-add) of one core in a loop that touches registers only. */
  measurePeak(milliseconds: number): number;
}

/** Multiply-adds below which a layer's step stays on one core: moving the batch to another would cost more than it saves. */
const WORTH_SHARING = 2 ** 23;

/**
 * Opens the native backend for one instruction set, one of `addon.instructionSets()`. Throws PffError `kernels`.
 * `worthSharing` is for tests: with 0 even the smallest layer is computed by all threads.
 */
export function openNative(
  addon: Addon,
  instructionSet: string,
  threads: number,
  precision: Precision = 'f32',
  worthSharing = WORTH_SHARING,
): NativeKernels {
  const available = addon.instructionSets();
  if (!available.includes(instructionSet))
    throw new PffError('kernels', `kernels for ${instructionSet} were asked for, but this CPU or build has none`, {
      hint: `here there are: ${available.join(', ')}`,
    });
  const backend = translated(`${threads} kernel threads`, () =>
    addon.openBackend(instructionSet, threads, worthSharing, precision),
  );
  const planes = nativePlanes(addon, backend);
  return {
    name: `native/${instructionSet}`,
    numerics: exactNumerics[precision],
    threads,
    openDense: (tensors, options) => new NativeDense(addon, backend, tensors, options),
    openBlock: (stages, tensors, options) => new CpuBlock(planes, stages, tensors, options),
    stageBytes(bytes, width, skip, rows, scale, out) {
      checkStage(bytes, width, skip, rows, scale, out);
      addon.stageBytes(backend, bytes, width, skip, rows, scale, out);
    },
    dropout(input, mask, out, sumSquares) {
      checkDropout(input, mask, out, sumSquares);
      const rows = { ...input, channels: input.channels ?? input.width };
      addon.dropout(backend, rows, { ...mask, scale: dropoutScale(mask) }, out, sumSquares);
    },
    measurePeak: (milliseconds) => 2 * addon.measurePeak(backend, milliseconds),
    close: () => addon.closeBackend(backend),
  };
}

class NativeDense implements SyncDenseKernel {
  readonly inputs: number;
  readonly outputs: number;
  readonly suffixInputs: number;
  readonly #addon: Addon;
  readonly #maxRows: number;
  readonly #handle: DenseHandle;
  readonly #what: string;
  /** [maxRows, O]: held here and not by the addon's layer, so that a view of it can outlive the layer. */
  readonly #activations: Float32Array;
  #keptRows: number | undefined;
  #closed = false;

  constructor(addon: Addon, backend: BackendHandle, tensors: DenseTensors, options: DenseOptions) {
    checkTensors('openDense', tensors);
    checkOptions(tensors, options);
    const { inputs, outputs } = tensors;
    const { suffixInputs, maxRows } = options;
    this.inputs = inputs;
    this.outputs = outputs;
    this.suffixInputs = suffixInputs;
    this.#addon = addon;
    this.#maxRows = maxRows;
    this.#what = `a layer of ${inputs} inputs and ${outputs} units, ${maxRows} rows at a time`;
    const relu = options.activation === 'relu';
    const fixedBias = options.fixedBias === true;
    this.#handle = translated(this.#what, () =>
      addon.openDense(backend, inputs, outputs, suffixInputs, maxRows, relu, fixedBias, ...arraysOf(tensors)),
    );
    try {
      this.#activations = translated(this.#what, () => addon.allocate(maxRows * outputs));
    } catch (error) {
      addon.closeDense(this.#handle);
      throw error;
    }
  }

  infer(input: LayerInput, output: LayerOutput): void {
    this.#check();
    const rows = checkInput('infer', this, input);
    checkOutput(this, input, output, rows);
    const { activations, sumSquares } = output;
    const normalise = output.normalise === true;
    translated(this.#what, () =>
      this.#addon.infer(
        this.#handle,
        input.prefix,
        input.rows,
        input.batch,
        input.variants,
        this.suffixInputs > 0 ? input.suffix : undefined,
        activations,
        normalise,
        sumSquares,
      ),
    );
  }

  forward(input: LayerInput, sumSquares?: Float32Array): void {
    this.#check();
    const rows = checkInput('forward', this, input);
    checkForward(rows, this.#maxRows, sumSquares);
    this.#keptRows = undefined;
    translated(this.#what, () =>
      this.#addon.forward(
        this.#handle,
        input.prefix,
        input.rows,
        input.batch,
        input.variants,
        this.suffixInputs > 0 ? input.suffix : undefined,
        this.#activations,
        sumSquares,
      ),
    );
    this.#keptRows = rows;
  }

  activations(): Float32Array {
    this.#check();
    return this.#activations.subarray(0, (this.#keptRows ?? 0) * this.outputs);
  }

  inputGradient(delta: Delta, out: Float32Array): void {
    this.#check();
    const rows = this.#keptRows;
    checkDelta('inputGradient', this, rows, delta);
    checkInputGradient(this, rows, out);
    const { rowScale, values } = partsOf(delta);
    translated(this.#what, () => this.#addon.inputGradient(this.#handle, this.#activations, rowScale, values, out));
  }

  update(delta: Delta, rule: UpdateRule): void {
    this.#check();
    checkDelta('update', this, this.#keptRows, delta);
    checkRule(rule);
    const { rowScale, values } = partsOf(delta);
    const addon = this.#addon;
    const activations = this.#activations;
    if (rule.kind === 'sgd') {
      const { momentum, stepSize, keep } = rule;
      addon.updateSgd(this.#handle, activations, rowScale, values, momentum, stepSize, keep);
    } else {
      const { beta1, beta2, stepSize, epsilonSquared, keep } = rule;
      addon.update(this.#handle, activations, rowScale, values, beta1, beta2, stepSize, epsilonSquared, keep);
    }
  }

  read(into: DenseTensors): void {
    this.#check();
    checkRead(this, into);
    this.#addon.read(this.#handle, ...arraysOf(into));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#addon.closeDense(this.#handle);
  }

  #check(): void {
    if (this.#closed) failClosed();
  }
}

function arraysOf(t: DenseTensors): Six<Float32Array> {
  return [t.weights, t.bias, t.weightMoment1, t.weightMoment2, t.biasMoment1, t.biasMoment2];
}

function partsOf(delta: Delta): { rowScale: Floats; values: Floats } {
  return 'rowScale' in delta
    ? { rowScale: delta.rowScale, values: undefined }
    : { rowScale: undefined, values: delta.values };
}
