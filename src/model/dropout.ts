/**
 * Dropout in layer-local training (Srivastava et al., 2014; with Forward-Forward as in Hinton's recipe): in each step a share
 * of a layer's activations is left out of its objective, and a share of the activations that enter it from the layer below. Of
 * planes whole channels may be left out instead (Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2015).
 * Data pass on to the next layer whole. Masks are keyed by seed, chapter, layer and step.
 */
import { dropoutMask, dropoutScale, type DropoutMask } from '../kernels/dropout.js';
import type { Kernels, LayerInput } from '../kernels/kernels.js';
import { geometries } from '../layers/sizes.js';
import type { OutputDropout } from '../objectives/objective.js';
import { philoxName } from '../random.js';
import type { RunSpec } from '../spec/spec.js';

/** Dropout of one layer in one chapter. */
export class LayerDropout {
  readonly #kernels: Kernels;
  readonly #spec: RunSpec;
  readonly #chapter: number;
  readonly #layer: number;
  /** Channels that are dropped whole, of what enters and what leaves; undefined where values are dropped one by one. */
  readonly #entering: number | undefined;
  readonly #leaving: number | undefined;
  #dropped = new Float32Array(0);

  constructor(kernels: Kernels, spec: RunSpec, chapter: number, layer: number) {
    this.#kernels = kernels;
    this.#spec = spec;
    this.#chapter = chapter;
    this.#layer = layer;
    if (spec.dropoutOf === 'values') return;
    const layers = geometries(spec.layers);
    this.#entering = layers[layer - 1]?.planes?.channels;
    this.#leaving = layers[layer]?.planes?.channels;
  }

  /** Whether whole channels of what enters are dropped. */
  get ofChannels(): boolean {
    return this.#entering !== undefined;
  }

  /** The mask of what enters; undefined for images, which are not dropped. */
  inputMask(step: number): DropoutMask | undefined {
    if (this.#layer === 0) return undefined;
    const { seed, dropout } = this.#spec;
    return dropoutMask(philoxName(seed, 'dropout-inputs', this.#chapter, this.#layer, step), dropout);
  }

  /** `input` with values dropped if they are activations of a layer below; valid until the next call. */
  async input(step: number, input: LayerInput, width: number): Promise<LayerInput> {
    const mask = this.inputMask(step);
    if (!mask) return input;
    const { prefix: values, rows, batch: count } = input;
    if (this.#dropped.length < count * width) this.#dropped = new Float32Array(count * width);
    const channels = this.#entering;
    await this.#kernels.dropout({ values, rows, count, width, channels }, mask, this.#dropped);
    return { prefix: this.#dropped, batch: count, variants: 1 };
  }

  output(step: number): OutputDropout {
    const { seed, dropout } = this.#spec;
    const mask = dropoutMask(philoxName(seed, 'dropout', this.#chapter, this.#layer, step), dropout);
    const channels = this.#leaving;
    return {
      mask,
      channels,
      scale: dropoutScale(mask),
      apply: async (layer, count, sumSquares) => {
        const values = await layer.activations();
        await this.#kernels.dropout({ values, width: layer.outputs, count, channels }, mask, values, sumSquares);
      },
    };
  }
}

/** Undefined where the spec asks for no dropout. */
export function layerDropout(
  kernels: Kernels,
  spec: RunSpec,
  chapter: number,
  layer: number,
): LayerDropout | undefined {
  return spec.dropout > 0 ? new LayerDropout(kernels, spec, chapter, layer) : undefined;
}
