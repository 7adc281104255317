/** The native kernels: loads the addon that scripts/build-native.mjs built and puts the contract of kernels.ts over it. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, PffError } from '../errors.js';
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
} from './check.js';
import { dropoutScale } from './dropout.js';
import type {
  Delta,
  DenseKernel,
  DenseOptions,
  DenseTensors,
  Kernels,
  LayerInput,
  LayerOutput,
  UpdateRule,
} from './kernels.js';

declare const handle: unique symbol;
/** Opaque objects of the addon. */
type BackendHandle = { readonly [handle]: 'backend' };
type DenseHandle = { readonly [handle]: 'dense' };
type Six<T> = [T, T, T, T, T, T];
type Floats = Float32Array | undefined;

/** The functions of native/addon.cc. */
export interface Addon {
  instructionSets(): string[];
  openBackend(name: string, threads: number, worthSharing: number): BackendHandle;
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
    values: Float32Array,
    rows: Uint32Array | undefined,
    count: number,
    width: number,
    name: Uint32Array,
    threshold: number,
    scale: number,
    out: Float32Array,
    sumSquares: Floats,
  ): void;
  /** Multiply-adds that one core does in a second, measured for about `milliseconds`. */
  measurePeak(backend: BackendHandle, milliseconds: number): number;
}

/** Kernels that can also measure the core they run on. */
export interface NativeKernels extends Kernels {
  /** FLOP/s (two for each multiply-add) of one core in a loop that touches registers only. */
  measurePeak(milliseconds: number): number;
}

/** The addon, or why it cannot be had. */
export type LoadedAddon = { readonly addon: Addon } | { readonly reason: string };

/**
 * Loads the addon from `folder`; by default from where scripts/build-native.mjs puts it, or else the prebuilt one for this
 * platform that a released package has. Never throws.
 */
export function loadAddon(folder?: string): LoadedAddon {
  const built = folder ?? join(packageFolder(), 'build');
  const prebuilt = join(packageFolder(), 'prebuilds', `${process.platform}-${process.arch}`);
  const path = [built, ...(folder === undefined ? [prebuilt] : [])]
    .map((each) => join(each, 'pff-native.node'))
    .find((file) => existsSync(file));
  if (path === undefined)
    return { reason: buildFailure(built) ?? `the native kernels are not built (no ${join(built, 'pff-native.node')})` };
  try {
    const require = createRequire(import.meta.url);
    return { addon: require(path) as Addon };
  } catch (error) {
    return { reason: `the native kernels cannot be loaded: ${messageOf(error)}` };
  }
}

/** The folder of package.json above this file, which lies in src/ or dist/. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
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
  worthSharing = WORTH_SHARING,
): NativeKernels {
  const available = addon.instructionSets();
  if (!available.includes(instructionSet))
    throw new PffError('kernels', `kernels for ${instructionSet} were asked for, but this CPU or build has none`, {
      hint: `here there are: ${available.join(', ')}`,
    });
  const backend = translated(`${threads} kernel threads`, () =>
    addon.openBackend(instructionSet, threads, worthSharing),
  );
  return {
    name: `native/${instructionSet}`,
    bitClass: 'f32-fma/1',
    threads,
    openDense: (tensors, options) => new NativeDense(addon, backend, tensors, options),
    stageBytes(bytes, width, skip, rows, scale, out) {
      checkStage(bytes, width, skip, rows, scale, out);
      addon.stageBytes(backend, bytes, width, skip, rows, scale, out);
    },
    dropout(input, mask, out, sumSquares) {
      checkDropout(input, mask, out, sumSquares);
      const { values, rows, count, width } = input;
      const { name, threshold } = mask;
      addon.dropout(backend, values, rows, count, width, name, threshold, dropoutScale(mask), out, sumSquares);
    },
    measurePeak: (milliseconds) => 2 * addon.measurePeak(backend, milliseconds),
    close: () => addon.closeBackend(backend),
  };
}

/** Runs a call of the addon; no memory becomes a PffError that says for what. */
function translated<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'PFF_MEMORY') {
      const bytes = Number(messageOf(error));
      const size = bytes > 0 ? ` (${(bytes / 2 ** 20).toFixed(0)} MiB at once)` : '';
      throw new PffError('memory', `not enough memory for ${what}${size}`, {
        hint: 'use smaller layers or a smaller batch',
        cause: error,
      });
    }
    if (code === 'PFF_NATIVE')
      throw new PffError('kernels', `the native kernels failed at ${what}: ${messageOf(error)}`, { cause: error });
    throw error;
  }
}

class NativeDense implements DenseKernel {
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
