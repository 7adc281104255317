/** The addon that scripts/build-native.mjs built: its functions (native/addon/), and how it is found and loaded. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { messageOf } from '../../errors.js';
import { PACKAGE_FOLDER } from '../../package-folder.js';
import type { DropoutMask, DropoutRows } from '../dropout.js';
import type { Precision } from '../kernels.js';

declare const handle: unique symbol;
/** Opaque objects of the addon. */
export type BackendHandle = { readonly [handle]: 'backend' };
export type DenseHandle = { readonly [handle]: 'dense' };
export type ConvolutionHandle = { readonly [handle]: 'convolution' };
export type Six<T> = [T, T, T, T, T, T];
export type Nine<T> = [T, T, T, T, T, T, T, T, T];
export type Floats = Float32Array | undefined;

/** The functions of native/addon/. */
export interface Addon {
  /** What this build has and this CPU can run, best first. */
  instructionSets(): string[];
  /** What this build has, whether the CPU can run it or not. */
  builtSets(): string[];
  /** The instruction set that is fastest in a precision on this CPU; the first call for bf16 measures it, in milliseconds. */
  fastestFor(precision: Precision): string;
  openBackend(name: string, threads: number, worthSharing: number, precision: Precision): BackendHandle;
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
  /** Zeros in memory that suits the kernels. */
  allocate(count: number): Float32Array;
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
    input: DropoutRows,
    mask: DropoutMask & { readonly scale: number },
    out: Float32Array,
    sumSquares: Floats,
  ): void;
  /** Multiply-adds that one core does in a second, measured for about `milliseconds`. */
  measurePeak(backend: BackendHandle, milliseconds: number): number;
}

/** The addon, or why it cannot be had. */
export type LoadedAddon = { readonly addon: Addon; readonly path: string } | { readonly reason: string };

/**
 * Loads the addon from `folder`; by default from where scripts/build-native.mjs puts it, or else the prebuilt one for this
 * platform that a released package has. Never throws.
 */
export function loadAddon(folder?: string): LoadedAddon {
  const built = folder ?? join(PACKAGE_FOLDER, 'build');
  const prebuilt = join(PACKAGE_FOLDER, 'prebuilds', `${process.platform}-${process.arch}`);
  const path = [built, ...(folder === undefined ? [prebuilt] : [])]
    .map((each) => join(each, 'pff-native.node'))
    .find((file) => existsSync(file));
  if (path === undefined)
    return { reason: buildFailure(built) ?? `the native kernels are not built (no ${join(built, 'pff-native.node')})` };
  try {
    const require = createRequire(import.meta.url);
    return { addon: require(path) as Addon, path };
  } catch (error) {
    return { reason: `the native kernels cannot be loaded: ${messageOf(error)}` };
  }
}

/** What scripts/build-native.mjs left about a build that did not work. */
function buildFailure(folder: string): string | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(join(folder, 'native-build.json'), 'utf8'));
    if (typeof record !== 'object' || record === null || !('reason' in record)) return undefined;
    return typeof record.reason === 'string' ? `the native kernels were not built: ${record.reason}` : undefined;
  } catch {
    return undefined;
  }
}
