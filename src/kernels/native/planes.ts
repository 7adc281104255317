/** Blocks over the functions of the addon: convolutions and the work on planes between them. */
import { convolved, type Stage } from '../block/contract.js';
import type {
  Convolution,
  ConvolutionInput,
  ConvolutionOptions,
  ConvolutionTensors,
  Normalisation,
  PlaneOperations,
  PlaneShape,
} from '../block/operations.js';
import type { UpdateRule } from '../kernels.js';
import type { Addon, BackendHandle, ConvolutionHandle, Floats, Nine } from './addon.js';
import { translated } from './translated.js';

export function nativePlanes(addon: Addon, backend: BackendHandle): PlaneOperations {
  const sizes = new WeakMap<PlaneShape, Uint32Array>();
  /** A stage asks with the same shape again and again. */
  const sizesOf = (shape: PlaneShape): Uint32Array => {
    const known = sizes.get(shape) ?? sizesFrom(shape);
    sizes.set(shape, known);
    return known;
  };
  const parts = (norm: Normalisation | undefined): [boolean, Floats, Floats, Floats, Floats] => [
    norm?.by === 'row',
    norm?.mean,
    norm?.scale,
    norm?.shift,
    norm?.by === 'position' ? norm.inverse : undefined,
  ];
  return {
    allocate: (length) => translated(`the activations of a block`, () => addon.allocate(length)),
    openConvolution: (stage, tensors, options) => new NativeConvolution(addon, backend, stage, tensors, options),
    sums: (z, rows, shape, mean, byRow, out) => addon.planeSums(backend, z, rows, sizesOf(shape), mean, byRow, out),
    positionSums: (z, rows, shape, centred, mean, inverse) =>
      addon.positionSums(backend, z, rows, sizesOf(shape), centred, mean, inverse),
    finish: (z, rows, shape, norm, y, places) =>
      addon.finishPlanes(backend, z, rows, sizesOf(shape), shape.leak, ...parts(norm), y, places),
    backwards: ({ y, rowScale, values }, z, rows, shape, norm, places, out, sums1, sums2) =>
      addon.backwardsPlanes(
        backend,
        z,
        rows,
        sizesOf(shape),
        shape.leak,
        ...parts(norm),
        y,
        rowScale,
        values,
        places,
        out,
        sums1,
        sums2,
      ),
    normBackwards: (z, rows, shape, norm, a, b, values, sums) =>
      addon.normBackwards(backend, z, rows, sizesOf(shape), ...parts(norm), a, b, values, sums),
    positionBackwards: (z, rows, shape, norm, centred, values, sums) =>
      addon.positionBackwards(backend, z, rows, sizesOf(shape), ...parts(norm), centred, values, sums),
    finishRows: (values, rows, width, normalise, sumSquares) =>
      addon.finishRows(backend, values, rows, width, normalise, sumSquares),
  };
}

function sizesFrom({ channels, height, width, pool, outHeight, outWidth }: PlaneShape): Uint32Array {
  const kind = pool === undefined ? 0 : pool.kind === 'max' ? 1 : 2;
  return Uint32Array.of(channels, height, width, kind, pool?.size ?? 1, pool?.stride ?? 1, outHeight, outWidth);
}

class NativeConvolution implements Convolution {
  readonly #addon: Addon;
  readonly #handle: ConvolutionHandle;
  readonly #what: string;

  constructor(
    addon: Addon,
    backend: BackendHandle,
    stage: Stage,
    tensors: ConvolutionTensors,
    { labels, trained, fixedBias }: ConvolutionOptions,
  ) {
    const { from, outputs, kernel, stride, padding, groups } = stage;
    const { height, width } = convolved(stage);
    this.#addon = addon;
    this.#what = `a convolution from ${from.channels}x${from.height}x${from.width} to ${outputs}x${height}x${width}`;
    const sizes = [from.channels, from.height, from.width, outputs, kernel, stride, padding, groups, labels];
    this.#handle = translated(this.#what, () =>
      addon.openConvolution(backend, Uint32Array.from(sizes), trained, fixedBias, ...arraysOf(tensors)),
    );
  }

  forward({ rows, batch, variants, labels }: ConvolutionInput, out: Float32Array): void {
    translated(this.#what, () => this.#addon.convolve(this.#handle, rows, batch, variants, labels, out));
  }

  inputGradient(delta: Float32Array, rows: number, out: Float32Array): void {
    translated(this.#what, () => this.#addon.convolutionInputGradient(this.#handle, delta, rows, out));
  }

  update(input: ConvolutionInput, delta: Float32Array, sums: Float32Array, rule: UpdateRule): void {
    const { rows, batch, variants, labels } = input;
    const from = [this.#handle, rows, batch, variants, labels, delta, sums] as const;
    translated(this.#what, () => {
      if (rule.kind === 'sgd') this.#addon.updateConvolutionSgd(...from, rule.momentum, rule.stepSize, rule.keep);
      else
        this.#addon.updateConvolution(...from, rule.beta1, rule.beta2, rule.stepSize, rule.epsilonSquared, rule.keep);
    });
  }

  read(into: ConvolutionTensors): void {
    this.#addon.readConvolution(this.#handle, ...arraysOf(into));
  }

  close(): void {
    this.#addon.closeConvolution(this.#handle);
  }
}

function arraysOf({ weight, label, bias }: ConvolutionTensors): Nine<Float32Array> {
  return [...weight, ...label, ...bias];
}
