/** What a layer can learn: the interface between the training loop and a layer-local objective. */
import type { DenseKernel, LayerInput, UpdateRule } from '../../kernels/kernels.js';
import type { OutputDropout } from '../dropout.js';

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

/**
 * Training steps for the kernels of one layer ([layer], or [layer, head]). An objective serves one layer for one chapter: it
 * may keep something from batch to batch, such as running means.
 */
export interface LayerObjective {
  readonly name: string;
  /** 2: rows are B positive, then B negative samples; 1: B rows that carry no label. */
  readonly variants: 1 | 2;
  /**
   * Runs `input` (R = variants · B rows) forward, updates the kernels, and reports.
   * `labels` [B] are the true ones; `layerRule` and `headRule` say how far to step; `dropout` leaves some of the layer's
   * activations out.
   */
  step(
    kernels: readonly DenseKernel[],
    input: LayerInput,
    labels: Uint8Array,
    layerRule: UpdateRule,
    headRule: UpdateRule,
    dropout?: OutputDropout,
  ): StepStats;
}
