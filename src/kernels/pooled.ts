/** A linear layer on averages of planes (averages.ts): for heads on convolutions, in any backend. */
import { averagesInJavaScript, pooledValues, type Averages, type PooledShape } from './averages.js';
import type { Awaitable, Delta, LayerInput, LayerKernel, LayerOutput, UpdateRule } from './kernels.js';

export class PooledKernel implements LayerKernel {
  readonly inputs: number;
  readonly outputs: number;
  readonly #inside: LayerKernel;
  readonly #shape: PooledShape;
  readonly #averages: Averages;
  #rows = 0;

  /** Closes `inside` with itself. @param averages the backend's own, if it has them */
  constructor(inside: LayerKernel, shape: PooledShape, averages: Averages = averagesInJavaScript) {
    this.#inside = inside;
    this.#shape = shape;
    this.#averages = averages;
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
    const pooled = new Float32Array(this.#rows * pooledValues(this.#shape));
    await this.#inside.inputGradient(delta, pooled);
    this.#averages.spread(pooled, this.#rows, this.#shape, out);
  }

  update(delta: Delta, rule: UpdateRule): Awaitable<void> {
    return this.#inside.update(delta, rule);
  }

  close(): void {
    this.#inside.close();
  }

  #pooled({ prefix, rows, batch }: LayerInput): LayerInput {
    const pooled = new Float32Array(batch * pooledValues(this.#shape));
    this.#averages.average(prefix, rows, batch, this.#shape, pooled);
    return { prefix: pooled, batch, variants: 1 };
  }
}
