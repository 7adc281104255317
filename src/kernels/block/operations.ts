/**
 * What a backend on the CPU brings so that block-kernel.ts can make blocks of it: convolutions, and the work on planes between
 * them. All of it runs over whole batches; what is left (statistics of a few values a channel) is TypeScript for all backends.
 */
import type { UpdateRule } from '../operands.js';
import type { Pool, Stage } from './contract.js';

/** Parameters of a convolution with their moments. `label` is empty where no labels enter. */
export interface ConvolutionTensors {
  /** [G][K · K · C/G, O/G] */
  readonly weight: Moments;
  /** [L, O] */
  readonly label: Moments;
  /** [O] */
  readonly bias: Moments;
}

/** A parameter and its two moments. */
export type Moments = readonly [Float32Array, Float32Array, Float32Array];

/** Rows that enter a convolution. */
export interface ConvolutionInput {
  /** [B, H, W, C] */
  readonly rows: Float32Array;
  readonly batch: number;
  readonly variants: number;
  /** [V · B, L] */
  readonly labels: Float32Array;
}

/** Rule 8. */
export interface Convolution {
  /** `out` [V · B, H', W', O] */
  forward(input: ConvolutionInput, out: Float32Array): void;
  /** `delta` [R, H', W', O] to `out` [R, H, W, C]. */
  inputGradient(delta: Float32Array, rows: number, out: Float32Array): void;
  /** One step; `sums` [V · B, O] is D. Overwrites `delta`. */
  update(input: ConvolutionInput, delta: Float32Array, sums: Float32Array, rule: UpdateRule): void;
  read(into: ConvolutionTensors): void;
  close(): void;
}

export interface ConvolutionOptions {
  readonly labels: number;
  readonly trained: boolean;
  readonly fixedBias: boolean;
}

/** Planes between the convolution and the end of a stage. */
export interface PlaneShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly pool: Pool | undefined;
  /** Size of a pooled plane; that of the plane itself where there is no pool. */
  readonly outHeight: number;
  readonly outWidth: number;
  readonly leak: number;
}

/** mean, scale and shift [O] of rule 10. By row, mean and scale are [R, O]; by position, mean is [R, H' · W'] and scale is gamma. */
export interface Normalisation {
  readonly by: 'channel' | 'row' | 'position';
  readonly mean: Float32Array;
  readonly scale: Float32Array;
  readonly shift: Float32Array;
  /** 1 / sqrt(variance + 1e-5): [O], [R, groups], or [R, H' · W'] by position. */
  readonly inverse: Float32Array;
}

/** The loss by what leaves, see rule 11. */
export interface LeavingDelta {
  /** [R, outHeight, outWidth, O]: what left; undefined within a block. */
  readonly y: Float32Array | undefined;
  /** One of the two. */
  readonly rowScale: Float32Array | undefined;
  readonly values: Float32Array | undefined;
}

export interface PlaneOperations {
  /** Zeros that suit the backend. */
  allocate(length: number): Float32Array;
  /** Frees all that `allocate` gave; without it the garbage collector does. These operations must not be used afterwards. */
  release?(): void;
  /** Rows of images [channels, positions], those of `rows` or the first `count`, to `out` with their channels last. */
  turn(
    values: Float32Array,
    rows: Uint32Array | undefined,
    count: number,
    channels: number,
    positions: number,
    out: Float32Array,
  ): void;
  openConvolution(stage: Stage, tensors: ConvolutionTensors, options: ConvolutionOptions): Convolution;
  /** S of rule 9 to `out` [R, O]: sums of z [R, H', W', O], or of squares about `mean`. */
  sums(
    z: Float32Array,
    rows: number,
    shape: PlaneShape,
    mean: Float32Array | undefined,
    byRow: boolean,
    out: Float32Array,
  ): void;
  /** Rule 9 by position, to `mean` and `inverse` [R, H' · W']. */
  positionSums(
    z: Float32Array,
    rows: number,
    shape: PlaneShape,
    centred: boolean,
    mean: Float32Array,
    inverse: Float32Array,
  ): void;
  /** Rule 10, from z to `y`; `places` (as long as y) gets the places of maxima within their windows, where wanted. */
  finish(
    z: Float32Array,
    rows: number,
    shape: PlaneShape,
    norm: Normalisation | undefined,
    y: Float32Array,
    places: Float32Array | undefined,
  ): void;
  /** Rule 11 up to du (without normalisation: dz) in `out`, and S1 (which is D then) and S2 [R, O]. */
  backwards(
    delta: LeavingDelta,
    z: Float32Array,
    rows: number,
    shape: PlaneShape,
    norm: Normalisation | undefined,
    places: Float32Array | undefined,
    out: Float32Array,
    sums1: Float32Array,
    sums2: Float32Array,
  ): void;
  /** du to dz in place, with a and b [O] or [R, O]; `sums` [R, O] gets D. */
  normBackwards(
    z: Float32Array,
    rows: number,
    shape: PlaneShape,
    norm: Normalisation,
    a: Float32Array,
    b: Float32Array,
    values: Float32Array,
    sums: Float32Array,
  ): void;
  /** The same by position. */
  positionBackwards(
    z: Float32Array,
    rows: number,
    shape: PlaneShape,
    norm: Normalisation,
    centred: boolean,
    values: Float32Array,
    sums: Float32Array,
  ): void;
  /** Rules 2 and 3 on rows [R, width]: sums of squares to `sumSquares`; `normalise`: scales them. */
  finishRows(values: Float32Array, rows: number, width: number, normalise: boolean, sumSquares: Float32Array): void;
}
