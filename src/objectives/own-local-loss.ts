/**
 * Local losses of one's own: a function of a layer's activations and of the outputs of linear heads that stand on it, with its gradient.
 * No negative samples. Gradients pass through the heads into the layer, and no further.
 */
import type { Labels } from '../data/label-array.js';
import type { LayerKernel } from '../kernels/kernels.js';
import type { StepStats } from '../kernels/trainer.js';
import { headOn } from '../layers/pooled-head.js';
import { heStart, layerPart } from './head-parts.js';
import { LOCAL_RATES } from './local-error.js';
import type { LayerObjective, Objective, ObjectiveSettings, ObjectiveStep, Rates } from './objective.js';

/** A linear head on a layer's activations (on averages of them where they are large planes). */
export interface LocalHead {
  /** Its name in model files, as in `layer1.NAME.weight`; the first head is called `head` unless it is named. */
  readonly name?: string;
  /** H: so many, or one a class. */
  readonly outputs: number | 'classes';
  /** Whether it has a bias; true by default. */
  readonly bias?: boolean;
  /** Standard deviation of its weights at the start, times the spec's `initScale`; 0 by default. */
  readonly initialDeviation?: number;
}

/** What a local loss is given of a batch of B samples, and where it writes its gradient. */
export interface LocalBatch {
  /** [B, O]: the layer's activations. */
  readonly activations: Float32Array;
  /** [B, H] for each head: its outputs. */
  readonly heads: readonly Float32Array[];
  /** [B]: the true labels, below `classes`. */
  readonly labels: Labels;
  readonly classes: number;
  /** [B, O], zeros: to be filled with dLoss/dActivation, where the loss reads activations itself. */
  readonly activationGradient: Float32Array;
  /** [B, H] for each head, zeros: to be filled with dLoss/dOutput. What follows from it for weights and activations is added. */
  readonly headGradients: readonly Float32Array[];
}

/** A local loss. It may keep something from batch to batch of a chapter, such as running means. */
export interface LocalLoss {
  /**
   * The loss summed over the B samples; writes its gradient. Use exp, log, softplus and sigmoid of this package (`math`): the engine's
   * own may differ from machine to machine.
   */
  evaluate(batch: LocalBatch): number;
}

/** An objective of one's own with heads of its own: what `registerObjective` and a plugin's `objectives` take. */
export interface OwnLocalLoss {
  /** The first one predicts: its outputs are the classes. */
  readonly heads: readonly [LocalHead, ...LocalHead[]];
  /** Makes the loss, once for each layer and chapter. */
  readonly loss: (settings: ObjectiveSettings) => LocalLoss;
  /** A head's scores for prediction: its log-probabilities (softmax; the default), or its outputs themselves. */
  readonly scores?: Objective['headScores'];
  /** Whether activations are scaled to unit length before the next layer; false by default. */
  readonly unitLength?: boolean;
  /** What it learns well with, by either optimizer, where that is not what `pred` does. */
  readonly rates?: Partial<Rates>;
}

/** The entry of the table of objectives that a local loss of one's own is. */
export function onLocalLoss(name: string, own: OwnLocalLoss): Objective {
  const { heads, unitLength = false, scores = 'log-probabilities', rates = {} } = own;
  return {
    name,
    variants: 1,
    trains: 'layer',
    rates: { adam: { ...LOCAL_RATES.adam, ...rates }, sgd: { ...LOCAL_RATES.sgd, ...rates } },
    classifiers: ['last-head', 'all-heads'],
    unitLength,
    headScores: scores,
    parts: (settings, place) => [
      layerPart(settings, place, heStart(place, 1)),
      ...heads.map(({ name: head, outputs, bias = true, initialDeviation = 0 }, i) => ({
        // Others than the first are only for the loss: nothing is predicted by them.
        role: i === 0 ? ('head' as const) : ('similarity' as const),
        geometry: headOn(place.geometry, outputs === 'classes' ? place.classes : outputs),
        labelInputs: 0,
        initialDeviation: initialDeviation * settings.initScale,
        ...(head === undefined && i === 0 ? {} : { name: head ?? `head${i + 1}` }),
        ...(bias ? {} : { withoutBias: true }),
      })),
    ],
    begin: (settings) => new OwnLocalTraining(own.loss(settings)),
    describe: () => undefined,
  };
}

/** Kernels are [layer, head, …]. */
class OwnLocalTraining implements LayerObjective {
  readonly #loss: LocalLoss;

  constructor(loss: LocalLoss) {
    this.#loss = loss;
  }

  async step({ kernels, input, labels, layerRule, headRule, dropout }: ObjectiveStep): Promise<StepStats> {
    const [layer, ...heads] = kernels as readonly [LayerKernel, ...LayerKernel[]];
    const samples = labels.length;
    await layer.forward(input);
    await dropout?.apply(layer, samples);
    const activations = await layer.activations();
    const outputs: Float32Array[] = [];
    for (const head of heads) {
      await head.forward({ prefix: activations, batch: samples, variants: 1 });
      outputs.push(await head.activations());
    }
    const classes = heads[0]?.outputs ?? 0;
    const layerDelta = new Float32Array(samples * layer.outputs);
    const headDeltas = heads.map((head) => new Float32Array(samples * head.outputs));
    // Of copies: what is kept for the update must not be written to.
    const batch = { activations: activations.slice(), heads: outputs.map((each) => each.slice()), labels, classes };
    const loss = this.#loss.evaluate({ ...batch, activationGradient: layerDelta, headGradients: headDeltas });

    // Steps follow the mean over the batch; activations that dropout kept were multiplied by its scale.
    const scale = dropout?.scale ?? 1;
    for (let i = 0; i < layerDelta.length; i++) layerDelta[i] = ((layerDelta[i] as number) / samples) * scale;
    const through = new Float32Array(layerDelta.length);
    for (const [i, head] of heads.entries()) {
      const values = (headDeltas[i] as Float32Array).map((slope) => slope / samples);
      // Through the head's weights as they were in the forward pass, so before the head steps.
      await head.inputGradient({ values: scale === 1 ? values : values.map((slope) => slope * scale) }, through);
      for (let at = 0; at < through.length; at++) layerDelta[at] = (layerDelta[at] as number) + (through[at] as number);
      await head.update({ values }, headRule);
    }
    await layer.update({ values: layerDelta }, layerRule);
    const correct = rightOf(outputs[0] as Float32Array, labels, classes);
    return { samples, loss, positiveGoodness: 0, negativeGoodness: 0, correct };
  }
}

/** Rows of `scores` [B, C] whose largest value is that of their label. */
function rightOf(scores: Float32Array, labels: Labels, classes: number): number {
  let right = 0;
  for (const [b, label] of labels.entries()) {
    let best = 0;
    for (let c = 1; c < classes; c++)
      if ((scores[b * classes + c] as number) > (scores[b * classes + best] as number)) best = c;
    if (best === label) right++;
  }
  return right;
}
