/** What steps come to, from the words that their rows left on the device: the sums of the objectives, in their order, so with their bits. */
import { softplus } from '../../math.js';
import type { LossDescription, StepStats } from '../trainer.js';
import { fromWords } from './double-program.js';
import { HISTORY_WORDS, type GoodnessDescription } from './loss-shaders.js';

/** A step whose rows have left their words. */
export interface PastStep {
  readonly samples: number;
  /** Its first word. */
  readonly at: number;
}

/** Words of a row of this loss. */
export function historyWords(loss: LossDescription): number {
  return 'steepness' in loss ? HISTORY_WORDS.goodness : HISTORY_WORDS.head;
}

/** @param words the history; @param outputs of the layer */
export function statisticsOf(loss: LossDescription, outputs: number, step: PastStep, words: Float32Array): StepStats {
  return 'steepness' in loss ? ofGoodness(loss, outputs, step, words) : ofHead(step, words);
}

function ofGoodness(
  loss: GoodnessDescription,
  outputs: number,
  { samples, at }: PastStep,
  words: Float32Array,
): StepStats {
  const goodness = words.slice(at, at + 2 * samples);
  if (loss.goodness === 'mean') for (const [r, squares] of goodness.entries()) goodness[r] = squares / outputs;
  const stats = { samples, loss: 0, positiveGoodness: 0, negativeGoodness: 0, correct: 0 };
  for (let b = 0; b < samples; b++) {
    const positive = goodness[b] as number;
    const negative = goodness[samples + b] as number;
    stats.loss += lossOf(loss, positive, negative);
    stats.positiveGoodness += positive;
    stats.negativeGoodness += negative;
    if (positive > negative) stats.correct++;
  }
  return stats;
}

function lossOf(loss: GoodnessDescription, positive: number, negative: number): number {
  const { steepness } = loss;
  if (loss.kind === 'symba') return softplus(-steepness * (positive - negative));
  return softplus(steepness * (loss.threshold - positive)) + softplus(steepness * (negative - loss.threshold));
}

function ofHead({ samples, at }: PastStep, words: Float32Array): StepStats {
  const bits = new Uint32Array(words.buffer, words.byteOffset, words.length);
  const stats = { samples, loss: 0, positiveGoodness: 0, negativeGoodness: 0, correct: 0 };
  for (let b = 0; b < samples; b++) {
    const from = at + b * HISTORY_WORDS.head;
    const offset = fromWords(bits[from] as number, bits[from + 1] as number);
    stats.loss -= (words[from + 2] as number) - offset;
    stats.correct += bits[from + 3] as number;
  }
  return stats;
}
