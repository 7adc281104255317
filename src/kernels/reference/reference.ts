/**
 * The contract of kernels.ts in plain, slow TypeScript: the oracle of every other backend, equal to the last bit, and what
 * a run falls back to where no addon can be had. Needs nothing but JavaScript, so it also runs in a browser.
 */
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
import { dropRows } from '../dropout.js';
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
import { normaliseRow, smallestDelta, sumOfSquares, toBf16, updateStep } from './operations.js';
import { referencePlanes } from './planes.js';
import { addProducts, addScaled, dot } from './products.js';

/** Opens the reference backend; it has one thread. */
export function openReference(precision: Precision = 'f32'): SyncKernels {
  return {
    name: 'reference',
    numerics: exactNumerics[precision],
    threads: 1,
    openDense: (tensors, options) => new ReferenceDense(tensors, options, precision),
    openBlock: (stages, tensors, options) => new CpuBlock(referencePlanes(precision), stages, tensors, options),
    stageBytes(bytes, width, skip, rows, scale, out) {
      checkStage(bytes, width, skip, rows, scale, out);
      let to = 0;
      for (const row of rows)
        for (let j = skip; j < width; j++) out[to++] = (bytes[row * width + j] ?? 0) * (scale[row] ?? 0);
    },
    dropout(input, mask, out, sumSquares) {
      checkDropout(input, mask, out, sumSquares);
      dropRows(input, mask, out);
      if (sumSquares === undefined) return;
      for (let r = 0; r < input.count; r++)
        sumSquares[r] = sumOfSquares(out.subarray(r * input.width, (r + 1) * input.width));
    },
    close() {},
  };
}

/** The kept batch: what `update` and `inputGradient` need to know of the last `forward`. */
interface Kept {
  readonly batch: number;
  readonly variants: number;
  /** [B, P]; rounded except in f32. */
  readonly prefix: Float32Array;
  /** [R, C] */
  readonly suffix: Float32Array;
}

class ReferenceDense implements SyncDenseKernel {
  readonly inputs: number;
  readonly outputs: number;
  readonly suffixInputs: number;
  readonly #options: DenseOptions;
  readonly #tensors: DenseTensors;
  readonly #activations: Float32Array;
  /** Operands are rounded to bf16. */
  readonly #bf16: boolean;
  /** Products are added in tile order. */
  readonly #tile: boolean;
  /** [I, O]: the weights as products take them. */
  readonly #operand: Float32Array;
  #kept: Kept | undefined;
  #closed = false;

  constructor(tensors: DenseTensors, options: DenseOptions, precision: Precision) {
    checkTensors('openDense', tensors);
    checkOptions(tensors, options);
    this.inputs = tensors.inputs;
    this.outputs = tensors.outputs;
    this.suffixInputs = options.suffixInputs;
    this.#options = options;
    this.#tensors = {
      inputs: tensors.inputs,
      outputs: tensors.outputs,
      weights: tensors.weights.slice(),
      bias: tensors.bias.slice(),
      weightMoment1: tensors.weightMoment1.slice(),
      weightMoment2: tensors.weightMoment2.slice(),
      biasMoment1: tensors.biasMoment1.slice(),
      biasMoment2: tensors.biasMoment2.slice(),
    };
    this.#activations = new Float32Array(options.maxRows * tensors.outputs);
    this.#bf16 = precision !== 'f32';
    this.#tile = precision === 'bf16-tile';
    this.#operand = this.#bf16 ? this.#tensors.weights.map(toBf16) : this.#tensors.weights;
  }

  infer(input: LayerInput, output: LayerOutput): void {
    this.#check();
    const rows = checkInput('infer', this, input);
    checkOutput(this, input, output, rows);
    const { outputs } = this;
    const { activations, sumSquares } = output;
    this.#run(input, (row, y) => {
      const sum = sumOfSquares(y);
      if (sumSquares !== undefined) sumSquares[row] = sum;
      if (activations === undefined) return;
      if (output.normalise === true) normaliseRow(y, sum);
      activations.set(y, row * outputs);
    });
  }

  forward(input: LayerInput, sumSquares?: Float32Array): void {
    this.#check();
    const rows = checkInput('forward', this, input);
    checkForward(rows, this.#options.maxRows, sumSquares);
    this.#run(input, (row, y) => {
      this.#activations.set(y, row * this.outputs);
      if (sumSquares !== undefined) sumSquares[row] = sumOfSquares(y);
    });
    const width = this.inputs - this.suffixInputs;
    const prefix = new Float32Array(input.batch * width);
    for (let b = 0; b < input.batch; b++) {
      const from = (input.rows?.[b] ?? b) * width;
      prefix.set(input.prefix.subarray(from, from + width), b * width);
    }
    if (this.#bf16) prefix.forEach((x, i) => (prefix[i] = toBf16(x)));
    const suffix = input.suffix?.slice(0, rows * this.suffixInputs) ?? new Float32Array(0);
    this.#kept = { batch: input.batch, variants: input.variants, prefix, suffix };
  }

  activations(): Float32Array {
    this.#check();
    const rows = this.#kept === undefined ? 0 : this.#kept.batch * this.#kept.variants;
    return this.#activations.subarray(0, rows * this.outputs);
  }

  inputGradient(delta: Delta, out: Float32Array): void {
    this.#check();
    const rows = this.#keptRows();
    checkDelta('inputGradient', this, rows, delta);
    checkInputGradient(this, rows, out);
    const { inputs, outputs } = this;
    const weights = this.#operand;
    for (let r = 0; r < rows; r++) {
      const full = this.#delta(delta, r);
      const d = this.#bf16 ? full.map(toBf16) : full;
      for (let i = 0; i < inputs; i++) out[r * inputs + i] = dot(d, weights, i * outputs, outputs, this.#tile);
    }
  }

  update(delta: Delta, rule: UpdateRule): void {
    this.#check();
    checkDelta('update', this, this.#keptRows(), delta);
    checkRule(rule);
    const kept = this.#kept;
    if (kept === undefined) return;
    const { batch, variants, prefix, suffix } = kept;
    const { inputs, outputs, suffixInputs } = this;
    const width = inputs - suffixInputs;
    const gradient = new Float32Array(inputs * outputs);
    const biasGradient = new Float32Array(outputs);
    const sums = new Float32Array(batch * outputs);
    for (let v = 0; v < variants; v++) {
      for (let b = 0; b < batch; b++) {
        const r = v * batch + b;
        const d = this.#delta(delta, r);
        for (let o = 0; o < outputs; o++) {
          const at = b * outputs + o;
          sums[at] = v === 0 ? (d[o] ?? 0) : (sums[at] ?? 0) + (d[o] ?? 0);
          biasGradient[o] = (biasGradient[o] ?? 0) + (d[o] ?? 0);
        }
        for (let c = 0; c < suffixInputs; c++) {
          const x = suffix[r * suffixInputs + c] ?? 0;
          if (x !== 0) addScaled(gradient, (width + c) * outputs, x, d, 0, outputs);
        }
      }
    }
    if (this.#bf16) sums.forEach((s, i) => (sums[i] = toBf16(s)));
    for (let p = 0; p < width; p++) {
      const terms = { x: prefix, xAt: p, xStep: width, rows: sums, count: batch };
      addProducts(gradient, p * outputs, outputs, terms, this.#tile);
    }
    const t = this.#tensors;
    updateStep(t.weights, t.weightMoment1, t.weightMoment2, gradient, rule, true);
    if (this.#options.fixedBias !== true) updateStep(t.bias, t.biasMoment1, t.biasMoment2, biasGradient, rule, false);
    if (this.#bf16) this.#operand.set(t.weights.map(toBf16));
  }

  read(into: DenseTensors): void {
    this.#check();
    checkRead(this, into);
    const t = this.#tensors;
    into.weights.set(t.weights);
    into.bias.set(t.bias);
    if (this.#options.maxRows === 0) return;
    into.weightMoment1.set(t.weightMoment1);
    into.weightMoment2.set(t.weightMoment2);
    into.biasMoment1.set(t.biasMoment1);
    into.biasMoment2.set(t.biasMoment2);
  }

  close(): void {
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) failClosed('dense');
  }

  #keptRows(): number | undefined {
    return this.#kept === undefined ? undefined : this.#kept.batch * this.#kept.variants;
  }

  /** Rule 1, row by row in the order of the samples: `emit` gets each row's outputs [O] in an array it may change. */
  #run(input: LayerInput, emit: (row: number, y: Float32Array) => void): void {
    const { inputs, outputs, suffixInputs } = this;
    const width = inputs - suffixInputs;
    const { weights, bias } = this.#tensors;
    const operand = this.#operand;
    const start = this.#bf16 ? bias.map((x) => (Math.abs(x) < smallestDelta ? 0 : x)) : bias;
    const rounded = this.#bf16 ? toBf16 : (x: number) => x;
    const x = new Float32Array(width);
    const shared = new Float32Array(outputs);
    const y = new Float32Array(outputs);
    for (let b = 0; b < input.batch; b++) {
      const from = (input.rows?.[b] ?? b) * width;
      shared.set(start);
      for (let p = 0; p < width; p++) x[p] = rounded(input.prefix[from + p] ?? 0);
      addProducts(shared, 0, outputs, { x, xAt: 0, xStep: 1, rows: operand, count: width }, this.#tile);
      for (let v = 0; v < input.variants; v++) {
        const row = v * input.batch + b;
        y.set(shared);
        for (let c = 0; c < suffixInputs; c++) {
          const label = input.suffix?.[row * suffixInputs + c] ?? 0;
          if (label !== 0) addScaled(y, 0, label, weights, (width + c) * outputs, outputs);
        }
        if (this.#options.activation === 'relu') for (let o = 0; o < outputs; o++) if ((y[o] ?? 0) <= 0) y[o] = 0;
        emit(row, y);
      }
    }
  }

  /** Row r of the delta of rule 4. [O] */
  #delta(delta: Delta, r: number): Float32Array {
    const { outputs } = this;
    const y = this.#activations.subarray(r * outputs, (r + 1) * outputs);
    const relu = this.#options.activation === 'relu';
    const d = new Float32Array(outputs);
    if ('rowScale' in delta) {
      const scale = delta.rowScale[r] ?? 0;
      const usable = Math.abs(scale) < 2 ** -126 ? 0 : scale;
      for (let o = 0; o < outputs; o++) d[o] = usable * (y[o] ?? 0);
    } else {
      for (let o = 0; o < outputs; o++) d[o] = relu && (y[o] ?? 0) <= 0 ? 0 : (delta.values[r * outputs + o] ?? 0);
    }
    for (let o = 0; o < outputs; o++) if (Math.abs(d[o] ?? 0) < smallestDelta) d[o] = 0;
    return d;
  }
}
