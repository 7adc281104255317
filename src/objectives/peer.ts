/**
 * Peer normalisation (Hinton, "The Forward-Forward Algorithm", 2022, and its Matlab code): a penalty that pulls each unit's
 * mean activity on positive samples towards the mean of its layer, so that no unit is always on and few are seldom on.
 *
 * Penalty λ/2 · G_j (m_j - m̄)², G being the mean or sum over units as for goodness, m̄ the mean of all m_j; m is the mean of
 * the batch at first, then 0.9 m + 0.1 · mean of the batch. As in Hinton's code the gradient takes m for the mean of the
 * batch at hand: λ (m_j - m̄) / B by each positive activation (/ O for the mean). A unit that is off for a
 * sample learns nothing from it, so one that is off for all stays off; Hinton's code goes on as if it were on, and revives it.
 * m starts again with each chapter, so that a task depends on nothing but what it names.
 */
const MOMENTUM = 0.9;

export class PeerNormalization {
  readonly #strength: number;
  readonly #goodness: string;
  #means: Float64Array | undefined;

  constructor(strength: number, goodness: string) {
    this.#strength = strength;
    this.#goodness = goodness;
  }

  /**
   * Takes the first `samples` rows of `activations` [R, O] into the running mean.
   * @returns the penalty, and its gradient by each activation of a positive row [O] for a loss summed over the samples.
   */
  step(activations: Float32Array, samples: number, outputs: number): { penalty: number; gradient: Float64Array } {
    const batch = new Float64Array(outputs);
    for (let b = 0; b < samples; b++)
      for (let o = 0, at = b * outputs; o < outputs; o++, at++)
        batch[o] = (batch[o] as number) + (activations[at] as number);
    const means = (this.#means ??= batch.map((sum) => sum / samples));
    for (let o = 0; o < outputs; o++)
      means[o] = MOMENTUM * (means[o] as number) + ((1 - MOMENTUM) * (batch[o] as number)) / samples;
    let total = 0;
    for (const mean of means) total += mean;
    const average = total / outputs;
    const strength = this.#strength / (this.#goodness === 'sum' ? 1 : outputs);
    let penalty = 0;
    const gradient = new Float64Array(outputs);
    for (let o = 0; o < outputs; o++) {
      const gap = (means[o] as number) - average;
      penalty += (strength / 2) * gap * gap;
      gradient[o] = strength * gap;
    }
    return { penalty, gradient };
  }
}
