/**
 * The contract of a kernels backend: the arithmetic of one fully connected layer, and its numeric rules.
 * What a layer learns (objectives, heads) is composed from this in objectives/; nothing here knows of labels or losses.
 *
 * Legend for shapes: R rows = V · B; B samples of a batch; V variants of each sample (positive and negative: 2; all
 * labels for a prediction: as many as classes); I = P + C inputs; P prefix inputs (the image part, or all the
 * activations below); C suffix inputs (the label values, 0 if none); O outputs. Matrices are row-major.
 *
 * Numeric rules. All arithmetic is f32 with gradual underflow; `fma(a, b, c)` rounds once. They fix every bit of every
 * result, on every backend (numerics `f32-fma/1`), for any number of threads:
 *  1. forward     acc = bias[o]; for p = 0 … P-1: acc = fma(prefix[b, p], W[p, o], acc);
 *                 for c = 0 … C-1 with suffix[r, c] ≠ 0: acc = fma(suffix[r, c], W[P + c, o], acc).
 *                 relu(acc) = acc <= 0 ? 0 : acc, so that a NaN shows; linear(acc) = acc. The prefix part is computed once
 *                 for all V variants.
 *  2. sumSquares  16 lanes: lane j takes y[j], y[j + 16], … in order, lane = fma(y, y, lane) from 0; then lanes are added
 *                 j += j + 8 for j < 8, j += j + 4 for j < 4, j += j + 2 for j < 2, and lane 0 + lane 1.
 *  3. normalise   y · (1 / sqrt(sumSquares + 1e-12)): f32 add, correctly rounded sqrt and division, one multiplication.
 *  4. gradient    delta[r, o] = rowScale[r] · y[r, o] (a rowScale below 2^-126 in magnitude counts as 0), or the given
 *                 values[r, o], for a relu layer 0 where y[r, o] <= 0. A delta below 2^-40 in magnitude counts as 0: it
 *                 teaches nothing, and its square would underflow.
 *                 prefix weights: s[b, o] = delta[b, o] + delta[B + b, o] + … (in order of the variants);
 *                   gW[p, o] = chain over b = 0 … B-1 of fma(prefix[b, p], s[b, o], acc) from 0;
 *                 suffix weights: gW[P + c, o] = chain over r = 0 … R-1 with suffix[r, c] ≠ 0 of
 *                   fma(suffix[r, c], delta[r, o], acc) from 0;
 *                 bias: gb[o] = ((0 + delta[0, o]) + delta[1, o]) + … over r.
 *  5. Adam        m = fma(1 - β1, g, β1 · m);  v = max(2^-95, fma(1 - β2, fma(g, g, -v), v));
 *                 w = fma(-stepSize · m, rsqrt(v + epsilonSquared), keep · w). ε stands inside the root, so that one rsqrt
 *                 serves; see `AdamRule`. An old m below 2^-95 in magnitude counts as 0, and v stays above it: the
 *                 moments of a unit or pixel that went quiet would end as subnormal numbers, and those are hundreds of
 *                 times slower on many CPUs.
 *                 The rsqrt is not the CPU's estimate (it differs between CPUs) but, within 7.3e-7 of the true value:
 *                   h = fma(-0.5, v, -0.5 · epsilonSquared);  y = float(0x9ef76880 - (bits(h) >> 1));
 *                   y = y · fma(h · y, y, 1.50088);  y = y · fma(h · y, y, 1.5000006).
 *                 Bias: the same with keep = 1 (no decay).
 *     SGD         m = g + momentum · m, where an old m below 2^-95 in magnitude counts as 0;  w = fma(-stepSize, m, keep · w).
 *                 The second moments are neither read nor written. Bias: the same with keep = 1.
 *  6. inputGradient  dX[r, i] = chain over o = 0 … O-1 of fma(delta[r, o], W[i, o], acc) from 0.
 *  7. dropout     a row of n values is cut into G = ceil(n / 128) groups. Value j of group g of row r is kept if a half-word
 *                 is at least `threshold`, else 0: word j >> 5 (its low half for even j) of the Philox4x32-10 block that
 *                 has key name[0], name[1] and counter (16 · (r · G + g) + ((j & 31) >> 1), name[2], name[3], name[4]).
 *                 Kept values are multiplied by 65536 / (65536 - threshold). Where channels are dropped whole, a row of n channels says it for
 *                 all positions of its planes.
 * With precision bf16 (numerics `bf16-dot/1`) the big products take rounded operands: r(x) is x rounded to 8 significant
 * bits, ties to even (bf16), where a result below 2^-40 in magnitude counts as 0. All else stays f32, and the same:
 *  - rule 1: fma(r(prefix[b, p]), r(W[p, o]), acc) for the prefix part. A bias below 2^-40 in magnitude counts as 0.
 *  - rule 4: fma(r(prefix[b, p]), r(s[b, o]), acc) for the prefix weights.
 *  - rule 6: fma(r(delta[r, o]), r(W[i, o]), acc).
 * The product of two such values is exact in f32, and a chain of them is what VDPBF16PS computes, two links at a time: the
 * upper values of a pair first, then the lower ones, each sum rounded once (Intel's Software Developer's Manual, and 18
 * million random and special pairs on Zen 4). That it flushes subnormal numbers plays no part: operands of at least 2^-40
 * have products, and so sums, that are multiples of 2^-94 (the bias: of 2^-63), so no sum is subnormal.
 * With precision bf16-tile (numerics `bf16-tile/1`) operands are rounded in the same way, and the same sums run in blocks of
 * 32 terms, in index order, as Intel's AMX (TDPBF16PS) adds them:
 *   even = chain over the terms 0, 2, … 30 of the block of fma(a, b, even) from 0;  odd = the same over 1, 3, … 31;
 *   acc = acc + (even + odd), each addition rounded once; what a short last block lacks counts as 0.
 *  - rule 1: acc starts at bias[o] (0 if below 2^-40 in magnitude); the terms are the prefix inputs, p = 0 … P-1. Suffix inputs
 *    are added afterwards, one by one and unrounded, as in f32.
 *  - rule 4: for the prefix weights acc starts at 0; the terms are the samples of the batch, b = 0 … B-1.
 *  - rule 6: acc starts at 0; the terms are the outputs, o = 0 … O-1.
 * No operand, and so no sum, is small enough for AMX to flush (see above). 48 products that AMX itself computed are in
 * test/kernels/amx-tile-golden.bin.
 * Rules 8 to 11, of convolutions and what stands between them, are in block/contract.ts, rule 12 in averages.ts, rule 13 in double-products.ts, rule 14 in
 * group-goodness.ts.
 * The scalars of a rule are rounded to f32 first; 1 - β is an f32 subtraction. The bits of a NaN are not fixed.
 * JavaScript has no fused multiply-add; the reference computes one exactly (fma.ts), so it is an oracle to the last bit.
 */

import type { Averages } from './averages.js';
import type { BlockOptions, Planes, Stage, StageTensors } from './block/contract.js';
import type { DoubleProducts } from './double-products.js';
import type { DropoutMask, DropoutRows } from './dropout.js';
import type { Numerics } from './numerics.js';
import type { Awaitable, Delta, LayerInput, LayerOutput, UpdateRule } from './operands.js';
import type { LayerTrainer, LossDescription } from './trainer.js';

export type { Precision } from './numerics.js';
export type * from './operands.js';

export type Activation = 'relu' | 'linear';

/** The same interface with every method at once, as backends on the CPU have it. */
export type Synchronous<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Awaited<R> : T[K];
};

/** Everything that training one dense layer changes. All arrays may lie in SharedArrayBuffers. */
export interface DenseTensors {
  readonly inputs: number;
  readonly outputs: number;
  /** [I, O]; the rows of the suffix (label) inputs come last. */
  readonly weights: Float32Array;
  /** [O] */
  readonly bias: Float32Array;
  /** Adam's first and second moments, shaped as weights and bias. SGD keeps its momentum in the first. */
  readonly weightMoment1: Float32Array;
  readonly weightMoment2: Float32Array;
  readonly biasMoment1: Float32Array;
  readonly biasMoment2: Float32Array;
}

/**
 * One layer held in a backend's own layout for as long as it is trained or used, whatever its kind. Not safe for use by two
 * threads at once, nor for a second call before the promise of the first is settled.
 */
export interface LayerKernel {
  /** Values of a row that enters, and of one that leaves. */
  readonly inputs: number;
  readonly outputs: number;
  /** The planes, channels last, that a row that leaves consists of; absent where it is but values. */
  readonly planes?: Planes | undefined;
  /** Runs any number of rows through the layer; keeps nothing. Safe between `forward` and `update`. */
  infer(input: LayerInput, output: LayerOutput): Awaitable<void>;
  /** Runs a batch of R <= maxRows rows and keeps it for `update`. Writes the rows' sums of squares [R] if asked. */
  forward(input: LayerInput, sumSquares?: Float32Array): Awaitable<void>;
  /**
   * The activations [R, O] of the kept batch: a view that the next `forward` overwrites. Nothing may write to it but
   * `Kernels.dropout`; deltas are then those of the activations that are left.
   */
  activations(): Awaitable<Float32Array>;
  /** dX [R, P + C] of the kept batch, for objectives that reach through a layer (heads, backpropagation). */
  inputGradient(delta: Delta, out: Float32Array): Awaitable<void>;
  /** Gradient of the kept batch and one step of the rule, fused: the gradient matrix is never written. */
  update(delta: Delta, rule: UpdateRule): Awaitable<void>;
  /** Frees the backend's memory. The kernel must not be used afterwards. */
  close(): void;
}

/** A fully connected layer. */
export interface DenseKernel extends LayerKernel {
  /** Copies weights, bias and moments out, in the layout of `DenseTensors`. */
  read(into: DenseTensors): Awaitable<void>;
}

/** A block of convolutions. */
export interface BlockKernel extends LayerKernel {
  /** Copies all parameters and moments out. */
  read(into: readonly StageTensors[]): Awaitable<void>;
}

export interface DenseOptions {
  readonly activation: Activation;
  /**
   * Most rows (V · B) that `forward` will be given. With 0 it is never called, and moments are not kept: `read` leaves those
   * of its argument as they are.
   */
  readonly maxRows: number;
  /** C: how many of the inputs are suffix inputs. */
  readonly suffixInputs: number;
  /** The bias stays as it is given; by default it is trained. */
  readonly fixedBias?: boolean | undefined;
}

/**
 * A backend. One object serves one thread of JavaScript; it may use `threads` cores itself, or a device. There is one
 * function for each kind of layer (layers/ calls it); what all kinds share is a `LayerKernel`.
 */
export interface Kernels {
  /** `reference`, `native/` and the instruction set (instruction-sets.ts), `wasm`, or `webgpu/` and the device. */
  readonly name: string;
  /** The arithmetic that it was opened with; proved by a probe where it is exact (probe.ts). */
  readonly numerics: Numerics;
  readonly threads: number;
  /** Copies `tensors` into the backend's layout. */
  openDense(tensors: DenseTensors, options: DenseOptions): Awaitable<DenseKernel>;
  /** The same for a block of convolutions; absent from a backend that has none. */
  openBlock?(stages: readonly Stage[], tensors: readonly StageTensors[], options: BlockOptions): Awaitable<BlockKernel>;
  /**
   * Takes over the training of opened layers where the backend can compute this loss by itself, so that steps need not come
   * back from a device; undefined where it cannot, and without this function: then the objective trains through `forward`,
   * `activations` and `update`. `parts`: [layer] or [layer, head], opened from this backend; they stay the caller's.
   */
  openTrainer?(parts: readonly LayerKernel[], loss: LossDescription): LayerTrainer | undefined;
  /**
   * Stages images as f32: out[b, j] = fround(bytes[rows[b] · width + skip + j] · scale[rows[b]]) for j < width - skip.
   * `bytes` [n, width], `scale` [n], `out` [B, width - skip]; B = rows.length.
   */
  stageBytes(
    bytes: Uint8Array,
    width: number,
    skip: number,
    rows: Uint32Array,
    scale: Float32Array,
    out: Float32Array,
  ): Awaitable<void>;
  /**
   * Drops values out of rows (rule 7) into `out` [R, width], which may be `input.values` where `input.rows` is absent; and
   * writes the sums of squares of what is left (rule 2) to `sumSquares` [R] if asked.
   */
  dropout(input: DropoutRows, mask: DropoutMask, out: Float32Array, sumSquares?: Float32Array): Awaitable<void>;
  /** Averages of planes, where the backend computes them faster than JavaScript does. */
  readonly averages?: Averages;
  /** Products of matrices of doubles, where the backend computes them faster than JavaScript does. */
  readonly doubleProducts?: DoubleProducts;
  /** Releases threads. Kernels opened from this backend must be closed before. */
  close(): void;
}

/** A layer of a backend on the CPU: every call is done when it returns. */
export type SyncDenseKernel = Synchronous<DenseKernel>;

/** A backend on the CPU. */
export interface SyncKernels extends Synchronous<Omit<Kernels, 'openDense' | 'openBlock' | 'openTrainer'>> {
  openDense(tensors: DenseTensors, options: DenseOptions): SyncDenseKernel;
  openBlock(
    stages: readonly Stage[],
    tensors: readonly StageTensors[],
    options: BlockOptions,
  ): Synchronous<BlockKernel>;
}
