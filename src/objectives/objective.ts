/**
 * What a layer can learn. An objective is one entry of the table (table.ts): its name, defaults, rows, initial parts, loss
 * and prediction; an objective of a plugin is an entry of the same form.
 */
import type { Labels } from '../data/label-array.js';
import type { DoubleProducts } from '../kernels/double-products.js';
import type { DropoutMask } from '../kernels/dropout.js';
import type { Awaitable, LayerInput, LayerKernel, UpdateRule } from '../kernels/kernels.js';
import type { LossDescription, StepStats } from '../kernels/trainer.js';
import type { Geometry, PartStructure } from '../layers/layer-kind.js';

/** The fields of a run spec that objectives read. */
export interface ObjectiveSettings {
  /** `mean`, `sum`, or the name of an own goodness. */
  readonly goodness: string;
  /** θ */
  readonly threshold: number;
  /** α */
  readonly steepness: number;
  /** λ; 0 for none. */
  readonly peerNormalization: number;
  /** ε: what of a label's share of 1 is spread over all classes; 0 for none. Read by losses with a softmax. */
  readonly labelSmoothing: number;
  readonly initScale: number;
}

/** How a network predicts. */
export type Classifier = 'goodness' | 'softmax' | 'last-head' | 'all-heads';

/** What an objective learns well with; the figures are in docs/LOG.md. */
export interface Rates {
  readonly learningRate: number;
  readonly headLearningRate: number;
  readonly weightDecay: number;
}

/** A layer's place in its network. */
export interface LayerPlace {
  readonly geometry: Geometry;
  /** Label values among the inputs; 0 but for the first layer. */
  readonly labelInputs: number;
  /** From 0. */
  readonly layer: number;
  readonly last: boolean;
  readonly classes: number;
}

/** What a layer learns: one entry of the table of objectives. */
export interface Objective {
  readonly name: string;
  /** 2: rows are B positive, then B negative samples; 1: B rows that carry no label. */
  readonly variants: 1 | 2;
  /** `network`: a baseline outside the pipeline, whose gradients pass from layer to layer. */
  readonly trains: 'layer' | 'network';
  readonly rates: { readonly adam: Rates; readonly sgd: Rates };
  /** Classifiers that fit, the default first. */
  readonly classifiers: readonly [Classifier, ...Classifier[]];
  /** Whether activations are scaled to unit length before the next layer; else they pass on as they are. With two variants they always are. */
  readonly unitLength: boolean;
  /** Whether its loss compares the samples of a batch with each other, so that nothing is learned of one alone. */
  readonly comparesSamples?: true;
  /** A head's scores for prediction: its log-probabilities, or its outputs themselves. */
  readonly headScores: 'log-probabilities' | 'outputs';
  /** The parts of a layer and how they begin: [layer], [layer, head], or further ones that only the loss reads. */
  parts(settings: ObjectiveSettings, place: LayerPlace): readonly PartStructure[];
  /** The loss of one layer for one chapter. @throws PffError `usage` for baselines, which are trained whole */
  begin(settings: ObjectiveSettings): LayerObjective;
  /** The same loss as data, for backends that train by themselves; undefined where only `begin` can compute it. */
  describe(settings: ObjectiveSettings): LossDescription | undefined;
}

/** Dropout of a layer's outputs in one step. */
export interface OutputDropout {
  readonly mask: DropoutMask;
  /** Channels of planes that are dropped whole; undefined where values are dropped one by one. */
  readonly channels: number | undefined;
  /** What activations that are kept are multiplied by, and so the gradients through them. */
  readonly scale: number;
  /** Drops activations [R, O] of the kept batch, and writes the rows' new sums of squares [R] if asked. */
  apply(layer: LayerKernel, rows: number, sumSquares?: Float32Array): Awaitable<void>;
}

/** One step on a batch. */
export interface ObjectiveStep {
  /** One for each of `parts`: [layer], [layer, head], [layer, head, …]; the Softmax classifier has [head]. */
  readonly kernels: readonly LayerKernel[];
  /** R = variants · B rows. */
  readonly input: LayerInput;
  /** [B]: the true labels. */
  readonly labels: Labels;
  /** How far to step. */
  readonly layerRule: UpdateRule;
  readonly headRule: UpdateRule;
  /** Leaves some of the layer's activations out. */
  readonly dropout?: OutputDropout | undefined;
  /** The backend's own, if it has them. */
  readonly doubleProducts?: DoubleProducts | undefined;
}

/**
 * The loss of one layer for one chapter, computed here from what kernels give. It may keep something from batch to batch, such
 * as running means.
 */
export interface LayerObjective {
  /** Runs the rows forward, updates the kernels, and reports. */
  step(step: ObjectiveStep): Promise<StepStats>;
}
