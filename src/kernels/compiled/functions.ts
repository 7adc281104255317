/** The functions that compiled kernels consist of, as TypeScript calls them: the same for the addon of Node.js and for WebAssembly. */
import type { DropoutMask, DropoutRows } from '../dropout.js';

declare const handle: unique symbol;
/** Opaque objects of the addon. */
export type BackendHandle = { readonly [handle]: 'backend' };
export type DenseHandle = { readonly [handle]: 'dense' };
export type ConvolutionHandle = { readonly [handle]: 'convolution' };
export type Six<T> = [T, T, T, T, T, T];
export type Nine<T> = [T, T, T, T, T, T, T, T, T];
export type Floats = Float32Array | undefined;

/** The functions of compiled kernels: native/addon/ in Node.js, native/wasm/ as WebAssembly. */
export interface CompiledFunctions {
  closeBackend(backend: BackendHandle): void;
  openDense(
    backend: BackendHandle,
    inputs: number,
    outputs: number,
    suffixInputs: number,
    maxRows: number,
    relu: boolean,
    fixedBias: boolean,
    ...tensors: Six<Float32Array>
  ): DenseHandle;
  closeDense(dense: DenseHandle): void;
  /** Zeros in memory that suits the kernels, freed with the array. */
  allocate(count: number): Float32Array;
  /** Frees such an array at once, where that is possible. Nobody may use it, or a view of it, afterwards. */
  release?(array: Float32Array): void;
  infer(
    dense: DenseHandle,
    prefix: Float32Array,
    rows: Uint32Array | undefined,
    batch: number,
    variants: number,
    suffix: Floats,
    activations: Floats,
    normalise: boolean,
    sumSquares: Floats,
  ): void;
  forward(
    dense: DenseHandle,
    prefix: Float32Array,
    rows: Uint32Array | undefined,
    batch: number,
    variants: number,
    suffix: Floats,
    activations: Float32Array,
    sumSquares: Floats,
  ): void;
  inputGradient(
    dense: DenseHandle,
    activations: Float32Array,
    rowScale: Floats,
    values: Floats,
    out: Float32Array,
  ): void;
  update(
    dense: DenseHandle,
    activations: Float32Array,
    rowScale: Floats,
    values: Floats,
    beta1: number,
    beta2: number,
    stepSize: number,
    epsilonSquared: number,
    keep: number,
  ): void;
  updateSgd(
    dense: DenseHandle,
    activations: Float32Array,
    rowScale: Floats,
    values: Floats,
    momentum: number,
    stepSize: number,
    keep: number,
  ): void;
  read(dense: DenseHandle, ...tensors: Six<Float32Array>): void;
  openConvolution(
    backend: BackendHandle,
    sizes: Uint32Array,
    trained: boolean,
    fixedBias: boolean,
    ...tensors: Nine<Float32Array>
  ): ConvolutionHandle;
  closeConvolution(convolution: ConvolutionHandle): void;
  convolve(
    convolution: ConvolutionHandle,
    rows: Float32Array,
    batch: number,
    variants: number,
    labels: Float32Array,
    out: Float32Array,
  ): void;
  convolutionInputGradient(convolution: ConvolutionHandle, delta: Float32Array, rows: number, out: Float32Array): void;
  updateConvolution(
    convolution: ConvolutionHandle,
    rows: Float32Array,
    batch: number,
    variants: number,
    labels: Float32Array,
    delta: Float32Array,
    sums: Float32Array,
    beta1: number,
    beta2: number,
    stepSize: number,
    epsilonSquared: number,
    keep: number,
  ): void;
  updateConvolutionSgd(
    convolution: ConvolutionHandle,
    rows: Float32Array,
    batch: number,
    variants: number,
    labels: Float32Array,
    delta: Float32Array,
    sums: Float32Array,
    momentum: number,
    stepSize: number,
    keep: number,
  ): void;
  readConvolution(convolution: ConvolutionHandle, ...tensors: Nine<Float32Array>): void;
  planeSums(
    backend: BackendHandle,
    z: Float32Array,
    rows: number,
    sizes: Uint32Array,
    mean: Floats,
    byRow: boolean,
    out: Float32Array,
  ): void;
  finishPlanes(
    backend: BackendHandle,
    z: Float32Array,
    rows: number,
    sizes: Uint32Array,
    leak: number,
    byRow: boolean,
    mean: Floats,
    scale: Floats,
    shift: Floats,
    inverse: Floats,
    y: Float32Array,
    places: Floats,
  ): void;
  backwardsPlanes(
    backend: BackendHandle,
    z: Float32Array,
    rows: number,
    sizes: Uint32Array,
    leak: number,
    byRow: boolean,
    mean: Floats,
    scale: Floats,
    shift: Floats,
    inverse: Floats,
    y: Floats,
    rowScale: Floats,
    values: Floats,
    places: Floats,
    out: Float32Array,
    sums1: Float32Array,
    sums2: Float32Array,
  ): void;
  normBackwards(
    backend: BackendHandle,
    z: Float32Array,
    rows: number,
    sizes: Uint32Array,
    byRow: boolean,
    mean: Floats,
    scale: Floats,
    shift: Floats,
    inverse: Floats,
    a: Float32Array,
    b: Float32Array,
    values: Float32Array,
    sums: Float32Array,
  ): void;
  positionSums(
    backend: BackendHandle,
    z: Float32Array,
    rows: number,
    sizes: Uint32Array,
    centred: boolean,
    mean: Float32Array,
    inverse: Float32Array,
  ): void;
  positionBackwards(
    backend: BackendHandle,
    z: Float32Array,
    rows: number,
    sizes: Uint32Array,
    byRow: boolean,
    mean: Floats,
    scale: Floats,
    shift: Floats,
    inverse: Floats,
    centred: boolean,
    values: Float32Array,
    sums: Float32Array,
  ): void;
  finishRows(
    backend: BackendHandle,
    values: Float32Array,
    rows: number,
    width: number,
    normalise: boolean,
    sumSquares: Float32Array,
  ): void;
  stageBytes(
    backend: BackendHandle,
    bytes: Uint8Array,
    width: number,
    skip: number,
    rows: Uint32Array,
    scale: Float32Array,
    out: Float32Array,
  ): void;
  dropout(
    backend: BackendHandle,
    input: DropoutRows & { readonly channels: number },
    mask: DropoutMask & { readonly scale: number },
    out: Float32Array,
    sumSquares: Floats,
  ): void;
  /** Rows of images [channels, positions], those of `rows` or the first `count`, with their channels last. */
  turnRows(
    backend: BackendHandle,
    values: Float32Array,
    rows: Uint32Array | undefined,
    count: number,
    channels: number,
    positions: number,
    out: Float32Array,
  ): void;
  /** Rule 12 of averages.ts; `sizes`: channels, height, width, side. */
  averagePlanes(
    backend: BackendHandle,
    values: Float32Array,
    rows: Uint32Array | undefined,
    count: number,
    sizes: Uint32Array,
    averages: Float32Array,
  ): void;
  spreadAverages(
    backend: BackendHandle,
    averages: Float32Array,
    count: number,
    sizes: Uint32Array,
    out: Float32Array,
  ): void;
  /** Rule 13 of double-products.ts. */
  doubleProducts(
    backend: BackendHandle,
    left: Float64Array,
    right: Float64Array,
    rows: number,
    terms: number,
    columns: number,
    lower: boolean,
    out: Float64Array,
  ): void;
  /** Multiply-adds that one core does in a second, measured for about `milliseconds`. */
  measurePeak(backend: BackendHandle, milliseconds: number): number;
}
