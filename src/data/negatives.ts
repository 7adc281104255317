/**
 * Wrong labels for negative samples: FixedNEG and RandomNEG draw them, AdaptiveNEG takes the strongest one by goodness,
 * and sampled negatives are drawn in proportion to a prediction. A negative never carries the true label.
 */
import type { Labels } from './label-array.js';
import { PffError } from '../errors.js';
import { exp } from '../math.js';
import { RandomStream } from '../random.js';

/** Names a draw of wrong labels. RandomNEG: the chapter; FixedNEG: always chapter 0. */
export interface NegativeKey {
  readonly seed: number;
  readonly chapter: number;
}

/**
 * Writes a wrong label for each sample to `out` [n], uniform over the C - 1 wrong ones.
 * `labels` [n] are the true ones, each below `classes`.
 */
export function drawWrongLabels(labels: Labels, classes: number, key: NegativeKey, out: Labels): void {
  checkSizes(labels, out, classes);
  const stream = new RandomStream(key.seed, 'negatives', key.chapter);
  for (let i = 0; i < labels.length; i++) {
    const truth = trueLabel(labels, i, classes);
    const drawn = stream.below(classes - 1);
    out[i] = drawn < truth ? drawn : drawn + 1;
  }
}

/**
 * Writes the wrong label with the highest score for each sample to `out` [n]; of equal scores, the lowest label.
 * `scores` [n, C] are such as goodness; `labels` [n] the true labels. NaN counts as -Infinity.
 */
export function strongestWrong(scores: Float32Array, labels: Labels, out: Labels): void {
  const classes = classesOf(scores, labels);
  checkSizes(labels, out, classes);
  for (let i = 0; i < labels.length; i++) {
    const truth = trueLabel(labels, i, classes);
    let best = truth === 0 ? 1 : 0;
    for (let c = best + 1; c < classes; c++) {
      if (c !== truth && orderable(scores[i * classes + c]) > orderable(scores[i * classes + best])) best = c;
    }
    out[i] = best;
  }
}

/**
 * Draws a wrong label for each sample in proportion to exp((score - highest wrong score) / temperature) over the wrong
 * labels, and writes it to `out` [n]. Takes one number of `stream` per sample. NaN counts as -Infinity; where no wrong
 * score is finite, the draw is uniform. `scores` [n, C]; `labels` [n] the true labels; `temperature` > 0.
 */
export function sampleWrong(
  scores: Float32Array,
  labels: Labels,
  temperature: number,
  stream: RandomStream,
  out: Labels,
): void {
  const classes = classesOf(scores, labels);
  checkSizes(labels, out, classes);
  if (!(temperature > 0))
    throw new PffError('usage', `the temperature of sampled negatives must be above 0, but is ${temperature}`, {
      hint: 'Give --negative-temperature, such as 0.05; or take --negatives adaptive for the strongest wrong label.',
    });
  const weights = new Float64Array(classes);
  for (let i = 0; i < labels.length; i++) {
    const truth = trueLabel(labels, i, classes);
    let highest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) {
      if (c !== truth) highest = Math.max(highest, orderable(scores[i * classes + c]));
    }
    let total = 0;
    for (let c = 0; c < classes; c++) {
      const score = orderable(scores[i * classes + c]);
      // Equal scores get the same weight; that also settles (±Infinity - ±Infinity), which is NaN.
      const weight = c === truth ? 0 : score === highest ? 1 : exp((score - highest) / temperature);
      weights[c] = weight;
      total += weight;
    }
    const target = stream.uniform() * total;
    let chosen = -1;
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      const weight = weights[c] as number;
      if (weight === 0) continue;
      // Kept even if rounding leaves `sum` at the target, so that there is always a label with a weight.
      chosen = c;
      sum += weight;
      if (target < sum) break;
    }
    out[i] = chosen;
  }
}

function orderable(score: number | undefined): number {
  return score === undefined || Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score;
}

function classesOf(scores: Float32Array, labels: Labels): number {
  const classes = labels.length === 0 ? 2 : scores.length / labels.length;
  if (!Number.isInteger(classes))
    throw new PffError('data', `${scores.length} scores do not divide into ${labels.length} rows`, {
      hint: 'Scores have one row per sample, one column per class.',
    });
  return classes;
}

function checkSizes(labels: Labels, out: Labels, classes: number): void {
  if (out.length !== labels.length)
    throw new PffError(
      'data',
      `${labels.length} labels need as many negative labels, but there is room for ${out.length}`,
      {
        hint: 'Give an array of the same length.',
      },
    );
  if (classes < 2)
    throw new PffError('data', `a wrong label needs at least two classes, but there is ${classes}`, {
      hint: 'Use a dataset with two classes or more, or an objective without negatives.',
    });
}

function trueLabel(labels: Labels, i: number, classes: number): number {
  const truth = labels[i] as number;
  if (truth >= classes)
    throw new PffError('data', `label ${truth} of sample ${i} is out of range: there are ${classes} classes`, {
      hint: 'Labels count from 0.',
    });
  return truth;
}
