/**
 * Prediction, by any of the paper's classifiers, as scores by layer: Goodness (all labels, the image part computed once
 * for all of them), a Softmax head over all layers but the first, or the layers' own heads. Also the scores that
 * adaptive negatives come from.
 */
import { newLabels, type Labels } from '../data/label-array.js';
import { fillNeutral, fillSameLabel } from '../data/labels.js';
import type { LayerKernel, Kernels, LayerInput } from '../kernels/kernels.js';
import { openState, type LayerState } from '../layers/layer-state.js';
import { goodnessOf, ownGoodness, ownGoodnessOf } from '../objectives/goodness.js';
import { logSoftmax } from '../objectives/softmax.js';
import { objectiveOf } from '../objectives/table.js';
import { type RunSpec } from '../spec/spec.js';
import { patternedRows } from './label-rows.js';
import { stageImages, type LabelledData } from './labelled-data.js';

/** How many samples are predicted at a time, at most. */
export const PREDICTION_BLOCK = 256;
/** With more labels to try, fewer samples at a time keep the memory for them bounded. */
const FULL_BLOCK_CLASSES = 256;

/** How many of `most` samples pass through a network at a time where each may be tried with all `classes` labels. Changes no bits. */
export function sampleBlock(classes: number, most: number = PREDICTION_BLOCK): number {
  return Math.max(1, Math.floor(most * Math.min(1, FULL_BLOCK_CLASSES / classes) ** 1.5));
}

/** Opens the parts of a layer for inference only. */
export async function openForInference(kernels: Kernels, state: LayerState): Promise<LayerKernel[]> {
  const parts = await openState(kernels, state, { maxRows: 0 });
  return parts.map(({ kernel }) => kernel);
}

/** Opens the layer itself and no head of it, for passing data on. */
export async function openForPassing(kernels: Kernels, state: LayerState): Promise<LayerKernel> {
  const { structure, parts } = state;
  const alone = { ...state, structure: { ...structure, parts: structure.parts.slice(0, 1) }, parts: parts.slice(0, 1) };
  return (await openForInference(kernels, alone))[0] as LayerKernel;
}

/** Scores of each sample for each class, by layer: [layer][B, C]. The higher, the likelier. */
export type LayerScores = readonly Float32Array[];

/** Goodness of every label at every layer, for the samples `rows` [B] of `data`. `layers` are the layers from the first on. */
export async function goodnessScores(
  kernels: Kernels,
  layers: readonly LayerKernel[],
  goodness: RunSpec['goodness'],
  data: LabelledData,
  rows: Uint32Array,
): Promise<LayerScores> {
  const classes = data.layout.suffix;
  const batch = rows.length;
  let input = await stageRows(kernels, data, rows, 'all-labels');
  const scores: Float32Array[] = [];
  for (const [index, layer] of layers.entries()) {
    const last = index === layers.length - 1;
    const activations = last ? undefined : new Float32Array(classes * batch * layer.outputs);
    scores.push(await goodnessByClass(layer, input, goodness, batch, classes, activations));
    if (activations) input = { prefix: activations, batch: classes * batch, variants: 1 };
  }
  return scores;
}

/**
 * Goodness [B, C] of the C variants of B samples in `input` at `layer`, by `goodness`, which may be one of the user's own;
 * to `activations` [C·B, O], if given, the rows' activations at unit length.
 */
export async function goodnessByClass(
  layer: LayerKernel,
  input: LayerInput,
  goodness: RunSpec['goodness'],
  batch: number,
  classes: number,
  activations: Float32Array | undefined,
): Promise<Float32Array> {
  const own = ownGoodness(goodness);
  const squares = new Float32Array(classes * batch);
  const raw = own ? new Float32Array(classes * batch * layer.outputs) : activations;
  await layer.infer(input, { activations: raw, normalise: !own && activations !== undefined, sumSquares: squares });
  if (own && raw) {
    if (activations) {
      activations.set(raw);
      normaliseRows(activations, squares);
    }
    ownGoodnessOf(own, raw, layer.outputs, squares);
  }
  // From variant-major (label by label) to sample by sample.
  const byClass = new Float32Array(batch * classes);
  for (let c = 0; c < classes; c++)
    for (let b = 0; b < batch; b++)
      byClass[b * classes + c] = own
        ? (squares[c * batch + b] as number)
        : goodnessOf(goodness, squares[c * batch + b] as number, layer.outputs);
  return byClass;
}

/**
 * Scores by each layer's own head, from one neutral pass: log-probabilities, or the head's outputs themselves where the
 * objective has it so. `layers` are [layer, head], or [layer] where a layer has none.
 */
export async function headScores(
  kernels: Kernels,
  layers: readonly (readonly LayerKernel[])[],
  spec: Pick<RunSpec, 'objective'>,
  data: LabelledData,
  rows: Uint32Array,
): Promise<LayerScores> {
  const objective = objectiveOf(spec.objective);
  const scoresOf = objective.headScores === 'outputs' ? headOutputs : headLogProbabilities;
  let input = await stageRows(kernels, data, rows, 'neutral');
  const scores: Float32Array[] = [];
  for (const [layer, head] of layers as readonly [LayerKernel, LayerKernel?][]) {
    const activations = new Float32Array(rows.length * layer.outputs);
    const sumSquares = new Float32Array(rows.length);
    await layer.infer(input, { activations, sumSquares });
    if (head) scores.push(await scoresOf(head, activations, rows.length));
    if (objective.unitLength) normaliseRows(activations, sumSquares);
    input = { prefix: activations, batch: rows.length, variants: 1 };
  }
  return scores;
}

/** Features of the Softmax classifier [B, sum of widths]: normalised activations of all layers but the first, neutral label. */
export async function classifierFeatures(
  kernels: Kernels,
  layers: readonly LayerKernel[],
  data: LabelledData,
  rows: Uint32Array,
): Promise<Float32Array> {
  const width = layers.slice(1).reduce((sum, layer) => sum + layer.outputs, 0);
  const features = new Float32Array(rows.length * width);
  let input = await stageRows(kernels, data, rows, 'neutral');
  let offset = 0;
  for (const [index, layer] of layers.entries()) {
    const activations = new Float32Array(rows.length * layer.outputs);
    await layer.infer(input, { activations, normalise: true });
    if (index > 0) {
      for (let b = 0; b < rows.length; b++)
        features.set(activations.subarray(b * layer.outputs, (b + 1) * layer.outputs), b * width + offset);
      offset += layer.outputs;
    }
    input = { prefix: activations, batch: rows.length, variants: 1 };
  }
  return features;
}

/** Log-probabilities [B, C] of a linear head on `features` [B, I]. */
export async function headLogProbabilities(
  head: LayerKernel,
  features: Float32Array,
  batch: number,
): Promise<Float32Array> {
  const logits = await headOutputs(head, features, batch);
  const logProbabilities = new Float64Array(logits.length);
  logSoftmax(logits, head.outputs, logProbabilities);
  return Float32Array.from(logProbabilities);
}

/** Outputs [B, C] of a linear head on `features` [B, I]. */
async function headOutputs(head: LayerKernel, features: Float32Array, batch: number): Promise<Float32Array> {
  const outputs = new Float32Array(batch * head.outputs);
  await head.infer({ prefix: features, batch, variants: 1 }, { activations: outputs });
  return outputs;
}

/** Scales each row of `activations` [B, O] to unit length, bit for bit as kernels do (rule 3 of their contract). */
function normaliseRows(activations: Float32Array, sumSquares: Float32Array): void {
  const outputs = activations.length / sumSquares.length;
  sumSquares.forEach((squares, b) => {
    const scale = Math.fround(1 / Math.fround(Math.sqrt(Math.fround(squares + Math.fround(1e-12)))));
    const end = (b + 1) * outputs;
    for (let i = b * outputs; i < end; i++) activations[i] = (activations[i] as number) * scale;
  });
}

/** The sum over `layers` of scores; [B, C]. */
export function sumScores(layers: LayerScores): Float32Array {
  const sum = new Float32Array((layers[0] as Float32Array).length);
  for (const scores of layers) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (scores[i] as number);
  return sum;
}

/** The class with the highest score for each row of `scores` [B, C]; of equal scores the lowest class. */
export function strongestClass(scores: Float32Array, classes: number): Labels {
  const best = newLabels(scores.length / classes, classes);
  for (let b = 0; b < best.length; b++) {
    let winner = 0;
    for (let c = 1; c < classes; c++)
      if ((scores[b * classes + c] as number) > (scores[b * classes + winner] as number)) winner = c;
    best[b] = winner;
  }
  return best;
}

/** The first layer's input for `rows` of `data`, with every label or a neutral one. */
export async function stageRows(
  kernels: Kernels,
  data: LabelledData,
  rows: Uint32Array,
  labels: 'all-labels' | 'neutral',
): Promise<LayerInput> {
  const classes = data.layout.suffix;
  const batch = rows.length;
  const variants = labels === 'neutral' ? 1 : classes;
  const scales = labels === 'neutral' ? data.neutral : data.oneHot;
  const prefix = await stageImages(kernels, data, rows, scales);
  const { pattern } = data.layout;
  if (pattern) {
    const each = Array.from({ length: classes }, (_, label) => new Uint32Array(batch).fill(label));
    const of = { images: prefix, scale: scales.label, rows };
    return patternedRows(of, pattern, classes, labels === 'neutral' ? labels : each);
  }
  const suffix = new Float32Array(variants * batch * classes);
  if (labels === 'neutral') fillNeutral(scales.label, classes, suffix, 0, rows);
  else for (let c = 0; c < classes; c++) fillSameLabel(c, scales.label, classes, suffix, c * batch, rows);
  return { prefix, batch, variants, suffix };
}
