/** Compiled kernels: the contract of kernels.ts over their functions (functions.ts). */
import type { BackendHandle, CompiledFunctions, DenseHandle, Floats, Six } from './functions.js';
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
import type { PooledShape } from '../averages.js';
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
import { compiledPlanes } from './planes.js';
import { translated } from './translated.js';

/** Kernels that can also measure the core they run on. */
export interface CompiledKernels extends SyncKernels {
  /** FLOP/s (two for each multiply-add) of one core in a loop that touches registers only. */
  measurePeak(milliseconds: number): number;
}

/** The backend over `functions` and one of their backend handles, which it closes. */
export function openCompiled(
  functions: CompiledFunctions,
  backend: BackendHandle,
  { name, threads, precision }: { readonly name: string; readonly threads: number; readonly precision: Precision },
): CompiledKernels {
  return {
    name,
    numerics: exactNumerics[precision],
    threads,
    openDense: (tensors, options) => new CompiledDense(functions, backend, tensors, options),
    openBlock: (stages, tensors, options) => new CpuBlock(compiledPlanes(functions, backend), stages, tensors, options),
    stageBytes(bytes, width, skip, rows, scale, out) {
      checkStage(bytes, width, skip, rows, scale, out);
      functions.stageBytes(backend, bytes, width, skip, rows, scale, out);
    },
    dropout(input, mask, out, sumSquares) {
      checkDropout(input, mask, out, sumSquares);
      const rows = { ...input, channels: input.channels ?? input.width };
      functions.dropout(backend, rows, { ...mask, scale: dropoutScale(mask) }, out, sumSquares);
    },
    averages: {
      average: (values, rows, count, shape, out) =>
        functions.averagePlanes(backend, values, rows, count, averageSizes(shape), out),
      spread: (averages, count, shape, out) =>
        functions.spreadAverages(backend, averages, count, averageSizes(shape), out),
    },
    doubleProducts: (left, right, { rows, terms, columns, lower = false }, out) =>
      functions.doubleProducts(backend, left, right, rows, terms, columns, lower, out),
    measurePeak: (milliseconds) => 2 * functions.measurePeak(backend, milliseconds),
    close: () => functions.closeBackend(backend),
  };
}

function averageSizes({ planes: { channels, height, width }, side }: PooledShape): Uint32Array {
  return Uint32Array.of(channels, height, width, side);
}

class CompiledDense implements SyncDenseKernel {
  readonly inputs: number;
  readonly outputs: number;
  readonly suffixInputs: number;
  readonly #functions: CompiledFunctions;
  readonly #maxRows: number;
  readonly #handle: DenseHandle;
  readonly #what: string;
  /** [maxRows, O]: held here and not by the functions' layer, so that a view of it can outlive the layer where nothing else frees it. */
  readonly #activations: Float32Array;
  #keptRows: number | undefined;
  #closed = false;

  constructor(functions: CompiledFunctions, backend: BackendHandle, tensors: DenseTensors, options: DenseOptions) {
    checkTensors('openDense', tensors);
    checkOptions(tensors, options);
    const { inputs, outputs } = tensors;
    const { suffixInputs, maxRows } = options;
    this.inputs = inputs;
    this.outputs = outputs;
    this.suffixInputs = suffixInputs;
    this.#functions = functions;
    this.#maxRows = maxRows;
    this.#what = `a layer of ${inputs} inputs and ${outputs} units, ${maxRows} rows at a time`;
    const relu = options.activation === 'relu';
    const fixedBias = options.fixedBias === true;
    this.#handle = translated(this.#what, () =>
      functions.openDense(backend, inputs, outputs, suffixInputs, maxRows, relu, fixedBias, ...arraysOf(tensors)),
    );
    try {
      this.#activations = translated(this.#what, () => functions.allocate(maxRows * outputs));
    } catch (error) {
      functions.closeDense(this.#handle);
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
      this.#functions.infer(
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
      this.#functions.forward(
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
    translated(this.#what, () => this.#functions.inputGradient(this.#handle, this.#activations, rowScale, values, out));
  }

  update(delta: Delta, rule: UpdateRule): void {
    this.#check();
    checkDelta('update', this, this.#keptRows, delta);
    checkRule(rule);
    const { rowScale, values } = partsOf(delta);
    const functions = this.#functions;
    const activations = this.#activations;
    translated(this.#what, () => {
      if (rule.kind === 'sgd') {
        const { momentum, stepSize, keep } = rule;
        functions.updateSgd(this.#handle, activations, rowScale, values, momentum, stepSize, keep);
      } else {
        const { beta1, beta2, stepSize, epsilonSquared, keep } = rule;
        functions.update(this.#handle, activations, rowScale, values, beta1, beta2, stepSize, epsilonSquared, keep);
      }
    });
  }

  read(into: DenseTensors): void {
    this.#check();
    checkRead(this, into);
    translated(this.#what, () => this.#functions.read(this.#handle, ...arraysOf(into)));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#functions.closeDense(this.#handle);
    this.#functions.release?.(this.#activations);
  }

  #check(): void {
    if (this.#closed) failClosed('dense');
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
