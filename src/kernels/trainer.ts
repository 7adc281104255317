/**
 * Training that stays with the backend: losses that a backend may compute by itself, described as data, and the trainer that
 * takes whole steps. A backend on a device needs no word from the program between steps; statistics come back when asked.
 */
import type { DropoutMask } from './dropout.js';
import type { Awaitable, LayerInput, UpdateRule } from './operands.js';

/** Sums over the samples of one or more batches; divide by `samples` for means. */
export interface StepStats {
  samples: number;
  loss: number;
  /** Goodness of positive and negative rows; 0 for objectives without. */
  positiveGoodness: number;
  negativeGoodness: number;
  /** Samples that the layer by itself tells right: positive above negative goodness, or its head's first choice. */
  correct: number;
}

export function emptyStats(): StepStats {
  return { samples: 0, loss: 0, positiveGoodness: 0, negativeGoodness: 0, correct: 0 };
}

export function addStats(into: StepStats, stats: StepStats): void {
  into.samples += stats.samples;
  into.loss += stats.loss;
  into.positiveGoodness += stats.positiveGoodness;
  into.negativeGoodness += stats.negativeGoodness;
  into.correct += stats.correct;
}

/** What a layer learns, for a backend that trains it by itself; the formulas stand with the objectives (objectives/). */
export type LossDescription =
  /** softplus(α (θ - g)) for positive, softplus(α (g - θ)) for negative rows; g: mean or sum of a row's squares. */
  | {
      readonly kind: 'hinton';
      readonly goodness: 'mean' | 'sum';
      readonly threshold: number;
      readonly steepness: number;
    }
  /** softplus(-α (g positive - g negative)) for each pair. */
  | { readonly kind: 'symba'; readonly goodness: 'mean' | 'sum'; readonly steepness: number }
  /** Cross-entropy of the softmax of a linear head on the layer's activations: parts are [layer, head]. */
  | { readonly kind: 'local-head' }
  /** The same of a head alone: parts are [head]. */
  | { readonly kind: 'softmax' };

/** Samples that batches are drawn from. A device may hold them, so their arrays stay as they are while the trainer is used; images for good. */
export type Stock =
  /** Values of images, which become rows as `Kernels.stageBytes` has it, and of the labels beside them. */
  | {
      readonly kind: 'images';
      /** [n, skip + P] */
      readonly values: Uint8Array | Float32Array;
      /** Values of an image that are left out, before its prefix. */
      readonly skip: number;
      /** [n]: what values are multiplied by, and what is taken off the products, if anything. */
      readonly scale: Float32Array;
      readonly mean: Float32Array | undefined;
      /** [n]: the value of the label's input, the others being 0; of rows of one variant the value of all label inputs. */
      readonly label: Float32Array;
    }
  /** Rows [any, P] as they are. */
  | { readonly kind: 'rows'; readonly values: Float32Array };

/** Rows by their places in a stock. */
export interface DrawnInput {
  /** [B] */
  readonly drawn: Uint32Array;
  readonly batch: number;
  /** 1, or 2: true labels, then wrong ones. */
  readonly variants: 1 | 2;
  /** [B]: the labels of the second variant. */
  readonly wrong?: Uint8Array | Uint16Array | undefined;
  /** Leaves some of the rows' values out (rule 7). */
  readonly mask?: DropoutMask | undefined;
}

/** One step on a batch. */
export interface TrainerStep {
  /** R = variants · B rows; for losses of goodness positive ones, then as many negative ones. Drawn ones only from a stock that is held. */
  readonly input: LayerInput | DrawnInput;
  /** [samples]: the true labels. */
  readonly labels: Uint8Array | Uint16Array;
  readonly layerRule: UpdateRule;
  readonly headRule: UpdateRule;
  /** Leaves some of the layer's activations out (rule 7). */
  readonly outputMask?: DropoutMask | undefined;
  /** The same rows are planes of so many channels, channels last, that are dropped whole; without it values are dropped one by one. */
  readonly outputChannels?: number | undefined;
}

/** Trains opened layers step by step, where they lie. It ends with the layers. */
export interface LayerTrainer {
  /** Takes a step, or begins to; arrays of `step` may be used again once the call (or its promise) is done. */
  step(step: TrainerStep): Awaitable<void>;
  /** Each step since the last call, in order; waits for them. */
  statistics(): Awaitable<readonly StepStats[]>;
  /** Takes a stock to draw from, instead of the one before; false where it cannot be held. */
  hold?(stock: Stock): Awaitable<boolean>;
}
