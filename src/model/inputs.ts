/**
 * What a layer trains on: labelled images for the first layer, the activations of the layer below for the others.
 * Each holds the samples of one chapter.
 */
import { pickLabels, type Labels } from '../data/label-array.js';
import { fillNeutral, fillOneHot } from '../data/labels.js';
import { PffError, messageOf } from '../errors.js';
import type { Awaitable, Kernels, LayerInput, LayerKernel } from '../kernels/kernels.js';
import type { DrawnInput, Stock } from '../kernels/trainer.js';
import type { Augment } from './augment/augment.js';
import { patternedRows } from './label-rows.js';
import { stageImages, type LabelledData } from './labelled-data.js';

/** A chapter's samples as inputs of some layer. */
export interface LayerInputs {
  /** Rows for the samples at `positions` [B]: V · B rows, variant by variant. Valid until the next call. */
  batch(positions: Uint32Array): Awaitable<LayerInput>;
  /** What `draw` draws from; undefined where batches are made in other ways. */
  stock(): Stock | undefined;
  /** The same rows as those of `batch`, but for their values, by their places in the stock. */
  draw(positions: Uint32Array): DrawnInput;
}

/** How many samples pass through a layer at a time. */
const BLOCK = 256;

/** Images with their labels; positive and negative, or one neutral variant where `negatives` is absent. */
export class ImageInputs implements LayerInputs {
  readonly #kernels: Kernels;
  readonly #data: LabelledData;
  /** [n of the chapter]: index of each sample in the data. */
  readonly samples: Uint32Array;
  /** [n of the data]: wrong labels. */
  readonly #negatives: Labels | undefined;
  readonly #augment: Augment;

  constructor(
    kernels: Kernels,
    data: LabelledData,
    samples: Uint32Array,
    negatives: Labels | undefined,
    augment: Augment,
  ) {
    this.#kernels = kernels;
    this.#data = data;
    this.samples = samples;
    this.#negatives = negatives;
    this.#augment = augment;
  }

  get variants(): 1 | 2 {
    return this.#negatives ? 2 : 1;
  }

  batch(positions: Uint32Array): Promise<LayerInput> {
    return this.#rows(Uint32Array.from(positions, (position) => this.samples[position] as number));
  }

  stock(): Stock | undefined {
    const { samples, layout, oneHot, neutral } = this.#data;
    // Images that are augmented are others in each chapter, and patterns are added to them by the host.
    if (this.#augment(this.#data, new Uint32Array(0)).data !== this.#data || layout.pattern) return undefined;
    const { bytes: scale, mean, label } = this.#negatives ? oneHot : neutral;
    return {
      kind: 'images',
      values: samples.images,
      skip: layout.skip,
      scale,
      mean,
      label: this.#negatives ? label : label.map((each) => each / layout.suffix),
    };
  }

  draw(positions: Uint32Array): DrawnInput {
    const drawn = Uint32Array.from(positions, (position) => this.samples[position] as number);
    const wrong = this.#negatives && pickLabels(this.#negatives, drawn);
    return { drawn, batch: drawn.length, variants: this.variants, wrong };
  }

  async #rows(asked: Uint32Array): Promise<LayerInput> {
    const { data, rows } = this.#augment(this.#data, asked);
    const { samples, layout, oneHot, neutral } = data;
    const classes = layout.suffix;
    const batch = rows.length;
    const scales = this.#negatives ? oneHot : neutral;
    const prefix = await stageImages(this.#kernels, data, rows, scales);
    const all = this.#negatives;
    const wrong = all && (data === this.#data ? all : pickLabels(all, asked));
    if (layout.pattern) {
      const labels = wrong ? [samples.labels, wrong].map((each) => pickLabels(each, rows)) : 'neutral';
      return patternedRows({ images: prefix, scale: scales.label, rows }, layout.pattern, classes, labels);
    }
    const suffix = new Float32Array(this.variants * batch * classes);
    if (wrong) {
      fillOneHot(samples.labels, scales.label, classes, suffix, 0, rows);
      fillOneHot(wrong, scales.label, classes, suffix, batch, rows);
    } else {
      fillNeutral(scales.label, classes, suffix, 0, rows);
    }
    return { prefix, batch, variants: this.variants, suffix };
  }

  /** Passes all samples through the first layer, whose activations, of unit length or not, become inputs of the second. */
  async pass(layer: LayerKernel, maxWidth: number, normalise: boolean): Promise<ActivationInputs> {
    const next = new ActivationInputs(this.samples.length, this.variants, layer.outputs, maxWidth);
    for (let start = 0; start < this.samples.length; start += BLOCK) {
      const input = await this.#rows(this.samples.subarray(start, start + BLOCK));
      await layer.infer(input, { activations: next.block(start, layer.outputs), normalise });
    }
    return next;
  }
}

/**
 * Activations of the layer below. Rows lie block by block, within a block variant by variant, so that a block passes through a
 * layer in one call. One buffer serves all layers: passing on overwrites it.
 */
export class ActivationInputs implements LayerInputs {
  readonly #count: number;
  readonly #variants: number;
  readonly #buffer: Float32Array<ArrayBuffer>;
  #width: number;

  /**
   * @param given memory of such inputs that another node has made; else it is made here
   * @throws PffError `memory`
   */
  constructor(count: number, variants: number, width: number, maxWidth: number, given?: ArrayBuffer) {
    this.#count = count;
    this.#variants = variants;
    this.#width = width;
    try {
      this.#buffer = given ? new Float32Array(given) : new Float32Array(count * variants * Math.max(width, maxWidth));
    } catch (error) {
      const bytes = 4 * count * variants * Math.max(width, maxWidth);
      throw new PffError(
        'memory',
        `the activations of ${count} samples at width ${Math.max(width, maxWidth)} need ${(bytes / 1e9).toFixed(2)} GB, which could not be had: ${messageOf(error)}`,
        {
          hint: 'Choose smaller --layers, fewer --train-samples, or more --splits than --epochs.',
          cause: error,
        },
      );
    }
  }

  /** The memory of the block that starts with sample `start`, as rows of `width`. */
  block(start: number, width: number): Float32Array {
    const size = Math.min(BLOCK, this.#count - start);
    return this.#buffer.subarray(start * this.#variants * width, (start + size) * this.#variants * width);
  }

  batch(positions: Uint32Array): LayerInput {
    const { drawn: rows, batch } = this.draw(positions);
    return { prefix: this.#buffer, rows, batch, variants: 1 };
  }

  stock(): Stock {
    return { kind: 'rows', values: this.#buffer.subarray(0, this.#count * this.#variants * this.#width) };
  }

  draw(positions: Uint32Array): DrawnInput {
    const size = positions.length;
    const drawn = new Uint32Array(this.#variants * size);
    for (let i = 0; i < size; i++) {
      const position = positions[i] as number;
      const start = position - (position % BLOCK);
      const blockSize = Math.min(BLOCK, this.#count - start);
      for (let v = 0; v < this.#variants; v++)
        drawn[v * size + i] = start * this.#variants + v * blockSize + (position - start);
    }
    return { drawn, batch: drawn.length, variants: 1 };
  }

  /** Passes all samples through `layer`, in place: afterwards these are the inputs of the layer above it. */
  async pass(layer: LayerKernel, normalise: boolean): Promise<void> {
    const { inputs, outputs } = layer;
    const starts = Array.from({ length: Math.ceil(this.#count / BLOCK) }, (_, i) => i * BLOCK);
    // Wider rows grow towards the end of the buffer, so the last block must move first.
    if (outputs > inputs) starts.reverse();
    const scratch = outputs === inputs ? undefined : new Float32Array(BLOCK * this.#variants * outputs);
    for (const start of starts) {
      const from = this.block(start, inputs);
      const into = this.block(start, outputs);
      const target = scratch ? scratch.subarray(0, into.length) : into;
      await layer.infer({ prefix: from, batch: from.length / inputs, variants: 1 }, { activations: target, normalise });
      if (scratch) into.set(target);
    }
    this.#width = outputs;
  }

  /** Values per row. */
  get width(): number {
    return this.#width;
  }

  /** Gives its memory away, for `RelayedInputs`; it is of no use afterwards. */
  release(): { buffer: ArrayBuffer; count: number; variants: number; width: number } {
    return { buffer: this.#buffer.buffer, count: this.#count, variants: this.#variants, width: this.#width };
  }
}
