/** Blocks over the functions of compiled kernels: convolutions and the work on planes between them. */
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
import type { BackendHandle, CompiledFunctions, ConvolutionHandle, Floats, Nine } from './functions.js';
import { translated } from './translated.js';

/** Those of one block. */
export function compiledPlanes(functions: CompiledFunctions, backend: BackendHandle): PlaneOperations {
  const allocated: Float32Array[] = [];
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
    allocate(length) {
      const array = translated(`the activations of a block`, () => functions.allocate(length));
      if (functions.release) allocated.push(array);
      return array;
    },
    release: () => allocated.splice(0).forEach((array) => functions.release?.(array)),
    turn: (values, rows, count, channels, positions, out) =>
      functions.turnRows(backend, values, rows, count, channels, positions, out),
    openConvolution: (stage, tensors, options) => new CompiledConvolution(functions, backend, stage, tensors, options),
    sums: (z, rows, shape, mean, byRow, out) => functions.planeSums(backend, z, rows, sizesOf(shape), mean, byRow, out),
    positionSums: (z, rows, shape, centred, mean, inverse) =>
      functions.positionSums(backend, z, rows, sizesOf(shape), centred, mean, inverse),
    finish: (z, rows, shape, norm, y, places) =>
      functions.finishPlanes(backend, z, rows, sizesOf(shape), shape.leak, ...parts(norm), y, places),
    backwards: ({ y, rowScale, values }, z, rows, shape, norm, places, out, sums1, sums2) =>
      functions.backwardsPlanes(
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
      functions.normBackwards(backend, z, rows, sizesOf(shape), ...parts(norm), a, b, values, sums),
    positionBackwards: (z, rows, shape, norm, centred, values, sums) =>
      functions.positionBackwards(backend, z, rows, sizesOf(shape), ...parts(norm), centred, values, sums),
    finishRows: (values, rows, width, normalise, sumSquares) =>
      functions.finishRows(backend, values, rows, width, normalise, sumSquares),
  };
}

function sizesFrom({ channels, height, width, pool, outHeight, outWidth }: PlaneShape): Uint32Array {
  const kind = pool === undefined ? 0 : pool.kind === 'max' ? 1 : 2;
  return Uint32Array.of(channels, height, width, kind, pool?.size ?? 1, pool?.stride ?? 1, outHeight, outWidth);
}

class CompiledConvolution implements Convolution {
  readonly #functions: CompiledFunctions;
  readonly #handle: ConvolutionHandle;
  readonly #what: string;

  constructor(
    functions: CompiledFunctions,
    backend: BackendHandle,
    stage: Stage,
    tensors: ConvolutionTensors,
    { labels, trained, fixedBias }: ConvolutionOptions,
  ) {
    const { from, outputs, kernel, stride, padding, groups } = stage;
    const { height, width } = convolved(stage);
    this.#functions = functions;
    this.#what = `a convolution from ${from.channels}x${from.height}x${from.width} to ${outputs}x${height}x${width}`;
    const sizes = [from.channels, from.height, from.width, outputs, kernel, stride, padding, groups, labels];
    this.#handle = translated(this.#what, () =>
      functions.openConvolution(backend, Uint32Array.from(sizes), trained, fixedBias, ...arraysOf(tensors)),
    );
  }

  forward({ rows, batch, variants, labels }: ConvolutionInput, out: Float32Array): void {
    translated(this.#what, () => this.#functions.convolve(this.#handle, rows, batch, variants, labels, out));
  }

  inputGradient(delta: Float32Array, rows: number, out: Float32Array): void {
    translated(this.#what, () => this.#functions.convolutionInputGradient(this.#handle, delta, rows, out));
  }

  update(input: ConvolutionInput, delta: Float32Array, sums: Float32Array, rule: UpdateRule): void {
    const { rows, batch, variants, labels } = input;
    const from = [this.#handle, rows, batch, variants, labels, delta, sums] as const;
    translated(this.#what, () => {
      if (rule.kind === 'sgd') this.#functions.updateConvolutionSgd(...from, rule.momentum, rule.stepSize, rule.keep);
      else
        this.#functions.updateConvolution(
          ...from,
          rule.beta1,
          rule.beta2,
          rule.stepSize,
          rule.epsilonSquared,
          rule.keep,
        );
    });
  }

  read(into: ConvolutionTensors): void {
    translated(this.#what, () => this.#functions.readConvolution(this.#handle, ...arraysOf(into)));
  }

  close(): void {
    this.#functions.closeConvolution(this.#handle);
  }
}

function arraysOf({ weight, label, bias }: ConvolutionTensors): Nine<Float32Array> {
  return [...weight, ...label, ...bias];
}
