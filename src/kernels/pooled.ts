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
  #rows = 0;

  /** Closes `inside` with itself. */
  constructor(inside: LayerKernel, shape: PooledShape) {
    this.#inside = inside;
    this.#shape = shape;
    const { channels, height, width } = shape.planes;
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
      this.#eachWindow((at, from, share) => {
        const value = (pooled[r * width + at] as number) * share;
        for (const place of from) out[r * this.inputs + place] = value;
      });
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
    for (let r = 0; r < batch; r++) {
      const start = (rows?.[r] ?? r) * this.inputs;
      this.#eachWindow((at, from, share) => {
        let sum = 0;
        for (const place of from) sum = Math.fround(sum + (prefix[start + place] as number));
        pooled[r * width + at] = sum * share;
      });
    }
    return { prefix: pooled, batch, variants: 1 };
  }

  /** Each pooled value with the places that it is the average of. */
  #eachWindow(visit: (at: number, from: Uint32Array, share: number) => void): void {
    for (const { at, from, share } of this.#windows()) visit(at, from, share);
  }

  #made: { readonly at: number; readonly from: Uint32Array; readonly share: number }[] | undefined;
  #windows(): readonly { readonly at: number; readonly from: Uint32Array; readonly share: number }[] {
    if (this.#made) return this.#made;
    const { side } = this.#shape;
    const { channels, height, width } = this.#shape.planes;
    this.#made = [];
    for (let top = 0, window = 0; top < height; top += side)
      for (let left = 0; left < width; left += side, window++)
        for (let c = 0; c < channels; c++) {
          const from: number[] = [];
          for (let y = top; y < Math.min(height, top + side); y++)
            for (let x = left; x < Math.min(width, left + side); x++) from.push((y * width + x) * channels + c);
          this.#made.push({
            at: window * channels + c,
            from: Uint32Array.from(from),
            share: Math.fround(1 / from.length),
          });
        }
    return this.#made;
  }
}
