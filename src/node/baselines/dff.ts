/**
 * DFF, the distributed baseline of Deng et al. (IEEE PRAI 2023): a server per layer, one full-batch step an epoch, and each
 * layer sends the activations of all samples on, not its weights. Carried out here on one node, server after server, with
 * the bytes counted that the servers would send; how its pipeline would run is for simulate/dff.ts to say.
 */
import { pickLabels } from '../../data/label-array.js';
import type { Kernels, LayerInput } from '../../kernels/kernels.js';
import type { OpenPart } from '../../layers/layer-kind.js';
import { closeParts, type LayerState } from '../../layers/layer-state.js';
import { rowWidths } from '../../layers/sizes.js';
import { phaseAt, progressOf } from '../../model/chapter.js';
import { updateRule } from '../../model/optimizer.js';
import { augmentation } from '../../model/augment/augment.js';
import { ImageInputs } from '../../model/inputs.js';
import { networkStructure } from '../../model/network.js';
import { objectiveOf } from '../../objectives/table.js';
import { dffOutputBytes } from '../../simulate/dff.js';
import { Breather, nowMs } from '../clock.js';
import type { NodeEvent } from '../events.js';
import { beginning, siteOf, type Job } from '../job.js';
import { drawnLabels } from '../negatives.js';
import type { SavedChapters } from './saved-chapters.js';
import { checkFinite, openForTraining, readStates } from '../training.js';

/** Trains all layers for `spec.epochs` full-batch steps; `saved` is called with the states after each. `from`: go on from there. */
export async function trainDff(
  job: Job,
  kernels: Kernels,
  signal: AbortSignal,
  emit: (event: NodeEvent) => void,
  saved: (epoch: number, states: LayerState[]) => void,
  from?: SavedChapters,
): Promise<LayerState[]> {
  const { spec } = job;
  const { data, samples } = siteOf(job, 0);
  const objective = objectiveOf(spec.objective);
  const { variants } = objective;
  const all = Uint32Array.from(samples, (_, i) => i);
  const labels = pickLabels(data.samples.labels, samples);
  const fullBatch = { ...spec, batch: samples.length };
  const initial = from?.states ?? networkStructure(spec, data.layout).layers.map((shape) => beginning(job, shape));
  const opened: OpenPart[][] = [];
  for (const state of initial) opened.push(await openForTraining(kernels, fullBatch, state, variants));
  const units = rowWidths(spec.layers);
  const bytesOf = dffOutputBytes({ units, rows: variants * samples.length });
  const breather = new Breather(signal, 0);
  let states = initial;
  try {
    for (let epoch = from?.chapters ?? 0; epoch < spec.epochs; epoch++) {
      const negatives = variants === 2 ? drawnLabels(job, epoch) : undefined;
      const images = new ImageInputs(kernels, data, samples, negatives, augmentation(spec, epoch));
      let input: LayerInput = await images.batch(all);
      for (const [layer, parts] of opened.entries()) {
        const layerKernels = parts.map(({ kernel }) => kernel);
        const start = (nowMs() - job.startedMs) / 1000;
        const rows = input.batch * input.variants;
        const progress = progressOf(epoch, [0, ...spec.phases, spec.epochs]);
        const phase = phaseAt(spec, epoch);
        const layerRule = updateRule(spec, spec.learningRate, epoch, progress, phase);
        const headRule = updateRule(spec, spec.headLearningRate, epoch, progress, phase);
        const { doubleProducts } = kernels;
        const step = { kernels: layerKernels, input, labels, layerRule, headRule, doubleProducts };
        const stats = await objective.begin(spec).step(step);
        checkFinite(spec, { layer, chapter: epoch }, stats.loss, 1);
        const trained = (nowMs() - job.startedMs) / 1000;
        if (layer < opened.length - 1) {
          // What the layer sends on: its outputs with the weights that it has now.
          const activations = new Float32Array(rows * (units[layer] as number));
          await layerKernels[0]?.infer(input, { activations, normalise: true });
          input = { prefix: activations, batch: rows, variants: 1 };
        }
        const end = (nowMs() - job.startedMs) / 1000;
        const task = { chapter: epoch, layer };
        emit({
          type: 'task-finished',
          node: 0,
          task,
          stats,
          spans: [
            { node: 0, task, phase: 'train', start, end: trained, bytes: 0 },
            { node: 0, task, phase: 'pass', start: trained, end, bytes: 0 },
            { node: 0, task, phase: 'publish', start: end, end, bytes: bytesOf[layer] ?? 0 },
          ],
        });
        await breather.breathe();
      }
      states = await readStates(initial, epoch + 1, opened);
      saved(epoch, states);
    }
  } finally {
    for (const parts of opened) closeParts(parts);
  }
  return states;
}
