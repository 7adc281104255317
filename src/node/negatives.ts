/** The negative labels of a chapter: drawn, or predicted by the layers of an earlier chapter. */
import { newLabels, pickLabels, sharedLabels, type Labels } from '../data/label-array.js';
import { checkWrong, ownNegatives } from '../data/negatives-table.js';
import { drawWrongLabels, sampleWrong, strongestWrong } from '../data/negatives.js';
import type { Kernels, LayerKernel } from '../kernels/kernels.js';
import { augmentation } from '../model/augment/augment.js';
import { sampleBlock, goodnessScores, openForPassing, sumScores } from '../model/prediction.js';
import type { LayerState } from '../layers/layer-state.js';
import { RandomStream } from '../random.js';
import type { Breather } from './clock.js';
import { siteOf, type Job } from './job.js';

/** FixedNEG and RandomNEG, and the first chapters of predicted labels: one wrong label per sample of the data [n]. */
export function drawnLabels(job: Job, chapter: number): Labels {
  const { samples } = siteOf(job, chapter).data;
  const { seed, negatives } = job.spec;
  const labels = newLabels(samples.count, job.classes);
  const sampler = ownNegatives(negatives);
  if (sampler) {
    const stream = new RandomStream(seed, 'negatives', chapter);
    sampler({ labels: samples.labels, classes: job.classes, chapter, stream, out: labels });
    checkWrong(negatives, samples.labels, labels, job.classes);
  } else {
    drawWrongLabels(samples.labels, job.classes, { seed, chapter: negatives === 'fixed' ? 0 : chapter }, labels);
  }
  return labels;
}

/**
 * Labels of chapter `chapter` predicted by `states`: the strongest wrong one by goodness over all layers but the first
 * (adaptive), or sampled by the goodness of the first layer. [n of the data], filled for `rows` only, in shared memory.
 */
export async function predictedLabels(
  job: Job,
  kernels: Kernels,
  states: readonly LayerState[],
  chapter: number,
  rows: Uint32Array,
  breather: Breather,
): Promise<Labels> {
  const { spec } = job;
  const { data } = siteOf(job, chapter);
  const layers: LayerKernel[] = [];
  for (const state of states) layers.push(await openForPassing(kernels, state));
  const labels = sharedLabels(data.samples.count, job.classes);
  const stream = new RandomStream(spec.seed, 'negatives', chapter);
  const augment = augmentation(spec, chapter);
  try {
    const size = sampleBlock(job.classes);
    for (let start = 0; start < rows.length; start += size) {
      const block = rows.subarray(start, start + size);
      const truth = pickLabels(data.samples.labels, block);
      const chosen = newLabels(block.length, job.classes);
      const seen = augment(data, block);
      const scores = await goodnessScores(kernels, layers, spec.goodness, seen.data, seen.rows);
      if (spec.negatives === 'sampled')
        sampleWrong(scores[0] as Float32Array, truth, spec.negativeTemperature, stream, chosen);
      else strongestWrong(sumScores(scores.slice(1)), truth, chosen);
      block.forEach((row, i) => {
        labels[row] = chosen[i] as number;
      });
      await breather.breathe();
    }
  } finally {
    for (const layer of layers) layer.close();
  }
  return labels;
}
