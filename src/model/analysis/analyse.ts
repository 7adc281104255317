/** Analyses a network on a few samples: goodness, units, accuracy, images. Deterministic; reads states, changes none. */
import { newLabels, pickLabels, type Labels } from '../../data/label-array.js';
import { drawWrongLabels, sampleWrong, strongestWrong } from '../../data/negatives.js';
import type { Kernels, LayerKernel } from '../../kernels/kernels.js';
import type { LayerState } from '../../layers/layer-state.js';
import { RandomStream } from '../../random.js';
import { layerCount, passesUnitLength, usesNegatives, type RunSpec } from '../../spec/spec.js';
import type { LabelledData } from '../labelled-data.js';
import { goodnessByClass, openForPassing, sampleBlock, stageRows, strongestClass, sumScores } from '../prediction.js';
import { Predictor } from '../predictor.js';
import type { Confused, FeatureMaps, LayerAnalysis, NetworkAnalysis } from './analysis.js';
import { goodnessHistogram } from './histogram.js';
import { confusedImages, receptiveFields } from './images.js';
import { featureMaps } from './maps.js';

/** Samples of a finished network that are looked at. */
export const SAMPLES_OF_FINISHED = 1000;

/** Samples at a time: few, so that whoever waits for this thread waits a few milliseconds only. */
export const BLOCK = 32;

export interface AnalysisInput {
  readonly kernels: Kernels;
  readonly spec: RunSpec;
  /** All layers of one chapter in order, then the classifier if there is one. */
  readonly states: readonly LayerState[];
  readonly data: LabelledData;
  /** How many samples to look at, evenly spaced over the data; all if it has no more. */
  readonly samples: number;
  /** Called after each block. */
  readonly breathe: () => Promise<void> | void;
}

/** What one layer did on the sample. */
interface Tally {
  readonly kernel: LayerKernel;
  /** [rows of a block, units]: one for all blocks, or the garbage of many would fill memory. */
  readonly activations: Float32Array;
  /** [units]: for how many samples the unit was above 0. */
  readonly active: Uint32Array;
  readonly positive: number[];
  readonly negative: number[];
  right: number;
  /** Whether the layer can predict by itself at all. */
  predicts: boolean;
}

export async function analyse(input: AnalysisInput): Promise<NetworkAnalysis> {
  const { kernels, spec, states, data, breathe } = input;
  const classes = data.layout.suffix;
  const block = sampleBlock(classes, BLOCK);
  const count = Math.min(input.samples, data.samples.count);
  const sample = Uint32Array.from({ length: count }, (_, i) => Math.floor((i * data.samples.count) / count));
  const predictor = spec.classifier === 'goodness' ? undefined : await Predictor.open(kernels, spec, states);
  const tallies: Tally[] = [];
  for (const state of states.slice(0, layerCount(spec))) {
    const kernel = await openForPassing(kernels, state);
    const active = new Uint32Array(kernel.outputs);
    const rows = block * (usesNegatives(spec.objective) ? classes : 1);
    const activations = new Float32Array(rows * kernel.outputs);
    tallies.push({ kernel, activations, active, positive: [], negative: [], right: 0, predicts: false });
  }
  // A stream of its own: these labels are for looking only, and no chapter's.
  const wrongLabels = wrongLabelsOf(spec, classes, new RandomStream(spec.seed, 'negatives', 0, 1));
  const confused: Confused[] = [];
  let right = 0;
  let maps: FeatureMaps | undefined;
  try {
    for (let start = 0; start < count; start += block) {
      const rows = sample.subarray(start, start + block);
      const truth = pickLabels(data.samples.labels, rows);
      const goodness = usesNegatives(spec.objective) ? await goodnessPass(input, tallies, rows, truth) : undefined;
      if (goodness) tallyGoodness(tallies, goodness, truth, wrongLabels(goodness, truth));
      else await neutralPass(input, tallies, rows);
      const predicted = await predictor?.scores(data, rows);
      const combined = predicted?.combined ?? sumScores((goodness as Float32Array[]).slice(1));
      tallyPredictions(tallies, predicted && predicted.layers.length > 0 ? predicted.layers : (goodness ?? []), truth);
      strongestClass(combined, classes).forEach((guess, b) => {
        const label = truth[b] as number;
        if (guess === label) right++;
        else {
          const margin = (combined[b * classes + guess] as number) - (combined[b * classes + label] as number);
          confused.push({ sample: rows[b] as number, truth: label, predicted: guess, margin });
        }
      });
      await breathe();
    }
    const passing = tallies.map(({ kernel }) => kernel);
    maps = await featureMaps(kernels, passing, spec, data, sample);
  } finally {
    predictor?.close();
    for (const { kernel } of tallies) kernel.close();
  }
  return {
    samples: count,
    accuracy: right / count,
    layers: tallies.map((tally) => layerAnalysis(spec, tally, count)),
    receptiveFields: receptiveFields(data.shape, data.layout, states[0] as LayerState),
    ...(maps ? { featureMaps: maps } : {}),
    confused: confusedImages(data.shape, data.samples, confused),
  };
}

/** Passes `rows` with all labels through the layers; units count where the label is the true one. Goodness [layer][B, C]. */
async function goodnessPass(
  { kernels, spec, data }: AnalysisInput,
  tallies: readonly Tally[],
  rows: Uint32Array,
  truth: Labels,
): Promise<Float32Array[]> {
  const classes = data.layout.suffix;
  const batch = rows.length;
  let input = await stageRows(kernels, data, rows, 'all-labels');
  const goodness: Float32Array[] = [];
  for (const { kernel, active, activations: buffer } of tallies) {
    const activations = buffer.subarray(0, classes * batch * kernel.outputs);
    goodness.push(await goodnessByClass(kernel, input, spec.goodness, batch, classes, activations));
    for (let b = 0; b < batch; b++) countActive(active, activations, (truth[b] as number) * batch + b);
    input = { prefix: activations, batch: classes * batch, variants: 1 };
  }
  return goodness;
}

/** Passes `rows` with a neutral label, for objectives without negative samples. */
async function neutralPass(
  { kernels, spec, data }: AnalysisInput,
  tallies: readonly Tally[],
  rows: Uint32Array,
): Promise<void> {
  let input = await stageRows(kernels, data, rows, 'neutral');
  for (const { kernel, active, activations: buffer } of tallies) {
    const activations = buffer.subarray(0, rows.length * kernel.outputs);
    await kernel.infer(input, { activations, normalise: passesUnitLength(spec) });
    for (let b = 0; b < rows.length; b++) countActive(active, activations, b);
    input = { prefix: activations, batch: rows.length, variants: 1 };
  }
}

function countActive(active: Uint32Array, activations: Float32Array, row: number): void {
  const start = row * active.length;
  for (let unit = 0; unit < active.length; unit++)
    if ((activations[start + unit] as number) > 0) active[unit] = (active[unit] as number) + 1;
}

function tallyGoodness(
  tallies: readonly Tally[],
  goodness: readonly Float32Array[],
  truth: Labels,
  wrong: Labels,
): void {
  goodness.forEach((scores, layer) => {
    const { positive, negative } = tallies[layer] as Tally;
    const classes = scores.length / truth.length;
    truth.forEach((label, b) => {
      positive.push(scores[b * classes + label] as number);
      negative.push(scores[b * classes + (wrong[b] as number)] as number);
    });
  });
}

function tallyPredictions(tallies: readonly Tally[], scores: readonly Float32Array[], truth: Labels): void {
  // Plain backpropagation has a head at the last layer only.
  const first = tallies.length - scores.length;
  scores.forEach((own, i) => {
    const tally = tallies[first + i] as Tally;
    tally.predicts = true;
    strongestClass(own, own.length / truth.length).forEach((guess, b) => {
      if (guess === truth[b]) tally.right++;
    });
  });
}

/** Wrong labels as the run's negatives have them: the strongest one, sampled by the first layer, else drawn. */
function wrongLabelsOf(
  spec: RunSpec,
  classes: number,
  stream: RandomStream,
): (goodness: readonly Float32Array[], truth: Labels) => Labels {
  let blocks = 0;
  return (goodness, truth) => {
    const out = newLabels(truth.length, classes);
    if (spec.negatives === 'sampled')
      sampleWrong(goodness[0] as Float32Array, truth, spec.negativeTemperature, stream, out);
    else if (spec.negatives === 'adaptive') strongestWrong(sumScores(goodness.slice(1)), truth, out);
    else drawWrongLabels(truth, classes, { seed: spec.seed, chapter: blocks++ }, out);
    return out;
  };
}

function layerAnalysis(spec: RunSpec, tally: Tally, samples: number): LayerAnalysis {
  const { active, positive, negative, predicts, right } = tally;
  const units = active.length;
  const threshold = spec.objective === 'goodness' ? spec.threshold : undefined;
  return {
    units,
    dead: active.reduce((sum, n) => sum + (n === 0 ? 1 : 0), 0),
    saturated: active.reduce((sum, n) => sum + (n === samples ? 1 : 0), 0),
    active: active.reduce((sum, n) => sum + n, 0) / (units * samples),
    ...(predicts ? { accuracy: right / samples } : {}),
    ...(positive.length > 0
      ? { goodness: goodnessHistogram(Float32Array.from(positive), Float32Array.from(negative), threshold) }
      : {}),
  };
}
