/**
 * A linear layer on averages: planes are pooled before it. For heads on convolutions, in any backend, since it is next to no work.
 *
 * 12. averages   Windows of `side` x `side` from the first place on, side by side, in the order of y, then x; those at the end hold
 *                what is left of the plane. Value (window, channel) = ((0 + v0) + v1) + …, in the order of y, then x, times (1 / n),
 *                n the values of the window, the quotient rounded to f32. Backwards each place gets the loss by its window's
 *                average times (1 / n).
 */
import type { Planes } from './block/contract.js';
import type { Awaitable, Delta, LayerInput, LayerKernel, LayerOutput, UpdateRule } from './kernels.js';

export interface PooledShape {
  readonly planes: Planes;
  /** Of a window. */
  readonly side: number;
}

/** Values of a pooled row. */
export function pooledValues({ planes: { channels, height, width }, side }: PooledShape): number {
  return channels * Math.ceil(height / side) * Math.ceil(width / side);
}

export class PooledKernel implements LayerKernel {
  readonly inputs: number;
  readonly outputs: number;
  readonly #inside: LayerKernel;
  readonly #shape: PooledShape;
  readonly #channels: number;
  readonly #windows: readonly Window[];
  #rows = 0;

  /** Closes `inside` with itself. */
  constructor(inside: LayerKernel, shape: PooledShape) {
    this.#inside = inside;
    this.#shape = shape;
    this.#windows = windowsOf(shape);
    const { channels, height, width } = shape.planes;
    this.#channels = channels;
    this.inputs = channels * height * width;
    this.outputs = inside.outputs;
  }

  infer(input: LayerInput, output: LayerOutput): Awaitable<void> {
    return this.#inside.infer(this.#pooled(input), output);
  }

  forward(input: LayerInput, sumSquares?: Float32Array): Awaitable<void> {
    this.#rows = input.batch;
    return this.#inside.forward(this.#pooled(input), sumSquares);
  }

  activations(): Awaitable<Float32Array> {
    return this.#inside.activations();
  }

  async inputGradient(delta: Delta, out: Float32Array): Promise<void> {
    const width = pooledValues(this.#shape);
    const pooled = new Float32Array(this.#rows * width);
    await this.#inside.inputGradient(delta, pooled);
    for (let r = 0; r < this.#rows; r++)
      for (const { at, places, share } of this.#windows)
        for (const place of places) {
          const to = r * this.inputs + place;
          const from = r * width + at;
          for (let c = 0; c < this.#channels; c++) out[to + c] = (pooled[from + c] as number) * share;
        }
  }

  update(delta: Delta, rule: UpdateRule): Awaitable<void> {
    return this.#inside.update(delta, rule);
  }

  close(): void {
    this.#inside.close();
  }

  #pooled({ prefix, rows, batch }: LayerInput): LayerInput {
    const width = pooledValues(this.#shape);
    const pooled = new Float32Array(batch * width);
    const channels = this.#channels;
    for (let r = 0; r < batch; r++) {
      const start = (rows?.[r] ?? r) * this.inputs;
      for (const { at, places, share } of this.#windows) {
        const to = r * width + at;
        for (const place of places)
          for (let c = 0, from = start + place; c < channels; c++, from++)
            pooled[to + c] = (pooled[to + c] as number) + (prefix[from] as number);
        for (let c = to; c < to + channels; c++) pooled[c] = (pooled[c] as number) * share;
      }
    }
    return { prefix: pooled, batch, variants: 1 };
  }
}

/** Windows of pooled rows, in order. */
interface Window {
  /** The place of its first channel in a pooled row. */
  readonly at: number;
  /** The same of each of its positions, in a row of planes. */
  readonly places: readonly number[];
  readonly share: number;
}

function windowsOf({ planes: { channels, height, width }, side }: PooledShape): Window[] {
  const windows: Window[] = [];
  for (let top = 0; top < height; top += side)
    for (let left = 0; left < width; left += side) {
      const places: number[] = [];
      for (let y = top; y < Math.min(height, top + side); y++)
        for (let x = left; x < Math.min(width, left + side); x++) places.push((y * width + x) * channels);
      windows.push({ at: windows.length * channels, places, share: Math.fround(1 / places.length) });
    }
  return windows;
}
