/** Softmax cross-entropy on the outputs of a linear head: loss, gradient, and the head by itself as an objective. */
import type { Labels } from '../data/label-array.js';
import type { LayerKernel } from '../kernels/kernels.js';
import type { LossDescription, StepStats } from '../kernels/trainer.js';
import { exp, log } from '../math.js';
import type { LayerObjective, ObjectiveSettings, ObjectiveStep } from './objective.js';

/** Writes log-softmax of each row of `logits` [rows, classes] to `out`. */
export function logSoftmax(logits: Float32Array, classes: number, out: Float64Array): void {
  for (let start = 0; start < logits.length; start += classes) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let c = start; c < start + classes; c++) largest = Math.max(largest, logits[c] as number);
    let sum = 0;
    for (let c = start; c < start + classes; c++) sum += exp((logits[c] as number) - largest);
    const offset = largest + log(sum);
    for (let c = start; c < start + classes; c++) out[c] = (logits[c] as number) - offset;
  }
}

/** Softmax of one row of scores. */
export function softmaxOf(scores: readonly number[]): number[] {
  const out = new Float64Array(scores.length);
  logSoftmax(Float32Array.from(scores), scores.length, out);
  return Array.from(out, exp);
}

/**
 * Cross-entropy of `logits` [B, classes] against `labels` [B], summed; writes the gradient of its mean over the batch
 * by the logits, [B, classes], to `gradient`.
 * @param smoothing ε: a label's share is 1 - ε + ε/classes, every other class's ε/classes (label smoothing, Szegedy et al. 2016, arXiv 1512.00567)
 */
export function crossEntropy(
  logits: Float32Array,
  labels: Labels,
  classes: number,
  gradient: Float32Array,
  smoothing: number,
): StepStats {
  const samples = labels.length;
  const logProbabilities = new Float64Array(samples * classes);
  logSoftmax(logits, classes, logProbabilities);
  const stats = { samples, loss: 0, positiveGoodness: 0, negativeGoodness: 0, correct: 0 };
  for (let b = 0; b < samples; b++) {
    const start = b * classes;
    let best = 0;
    let all = 0;
    for (let c = 0; c < classes; c++) {
      if ((logits[start + c] as number) > (logits[start + best] as number)) best = c;
      const target = (c === labels[b] ? 1 - smoothing : 0) + smoothing / classes;
      const logProbability = logProbabilities[start + c] as number;
      gradient[start + c] = (exp(logProbability) - target) / samples;
      all += logProbability;
    }
    const own = logProbabilities[start + (labels[b] as number)] as number;
    stats.loss -= (1 - smoothing) * own + (smoothing / classes) * all;
    if (best === labels[b]) stats.correct++;
  }
  return stats;
}

/** The loss of `SoftmaxHeadTraining` as data, for backends that train by themselves; they know no smoothed labels. */
export function softmaxHead({
  labelSmoothing,
}: Pick<ObjectiveSettings, 'labelSmoothing'>): LossDescription | undefined {
  return labelSmoothing > 0 ? undefined : { kind: 'softmax' };
}

/** A linear softmax head trained by itself on rows of features (the Softmax classifier of the paper). */
export class SoftmaxHeadTraining implements LayerObjective {
  readonly #labelSmoothing: number;

  constructor({ labelSmoothing }: Pick<ObjectiveSettings, 'labelSmoothing'>) {
    this.#labelSmoothing = labelSmoothing;
  }

  async step({ kernels, input, labels, headRule }: ObjectiveStep): Promise<StepStats> {
    const head = kernels[0] as LayerKernel;
    await head.forward(input);
    const gradient = new Float32Array(labels.length * head.outputs);
    const stats = crossEntropy(await head.activations(), labels, head.outputs, gradient, this.#labelSmoothing);
    await head.update({ values: gradient }, headRule);
    return stats;
  }
}
