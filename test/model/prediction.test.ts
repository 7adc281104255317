/** Prediction shares work between labels and layers; these are the same figures computed the long way. */
import { describe, expect, it } from 'vitest';
import { labelLayout } from '../../src/data/labels.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { initialState } from '../../src/layers/layer-state.js';
import { mirrored } from '../../src/model/augment/augment.js';
import { networkStructure } from '../../src/model/network.js';
import { goodnessScores, openForPassing, strongestClass, sumScores } from '../../src/model/prediction.js';
import { Predictor } from '../../src/model/predictor.js';
import { labelled } from '../../src/node/prepare.js';
import { TOY_CLASSES, toyDataset, toySpec } from '../helpers/tiny.js';
import { matrixOf } from '../helpers/confusion.js';

const dataset = toyDataset(20, 10);

describe.each([
  ['overlay', false],
  ['append', false],
  ['overlay', true],
  ['append', true],
] as const)('goodness prediction, label mode %s, means subtracted: %s', (labelMode, subtractMean) => {
  const spec = toySpec({ labelMode, subtractMean, goodness: 'sum' });
  const layout = labelLayout(dataset.shape, TOY_CLASSES, labelMode);
  const states = networkStructure(spec, layout).layers.map((structure) => initialState(structure, 5));
  const kernels = openReference();

  it('equals one pass per label, in double precision', async () => {
    const layers = await Promise.all(states.map((state) => openForPassing(kernels, state)));
    const rows = Uint32Array.of(3, 0, 7);
    const data = labelled(dataset.train, layout, dataset.shape, spec);
    const scores = await goodnessScores(kernels, layers, 'sum', data, rows);
    rows.forEach((sample, b) => {
      const pixels = [...dataset.train.images.subarray(sample * 36, (sample + 1) * 36)].map((byte) => byte / 255);
      for (let label = 0; label < TOY_CLASSES; label++) {
        const oneHot = Array.from({ length: TOY_CLASSES }, (_, c) => (c === label ? 1 : 0));
        const part = pixels.slice(layout.skip);
        const mean = subtractMean ? part.reduce((sum, value) => sum + value, 0) / part.length : 0;
        let row = [...part.map((value) => value - mean), ...oneHot];
        states.forEach(({ structure, parts }, l) => {
          const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
          const { outputs } = structure.parts[0]!.geometry;
          const weights = parts[0]!.parameters[0]!;
          row = Array.from({ length: outputs }, (_, o) =>
            Math.max(
              0,
              row.reduce((sum, x, i) => sum + (x / length) * weights[i * outputs + o]!, 0),
            ),
          );
          const goodness = row.reduce((sum, y) => sum + y * y, 0);
          expect(scores[l]![b * TOY_CLASSES + label]! / goodness).toBeCloseTo(1, 4);
        });
      }
    });
  });

  it('sums all layers but the first, and counts confusions', async () => {
    const predictor = await Predictor.open(kernels, spec, states);
    const data = labelled(dataset.test, layout, dataset.shape, spec);
    const rows = Uint32Array.from({ length: 10 }, (_, i) => i);
    const { layers, combined } = await predictor.scores(data, rows);
    expect(combined).toEqual(sumScores(layers.slice(1)));
    const predicted = strongestClass(combined, TOY_CLASSES);
    const { accuracy, confusion, layerAccuracy } = await predictor.evaluate(data);
    expect(accuracy).toBe(predicted.filter((label, i) => label === dataset.test.labels[i]).length / 10);
    expect(layerAccuracy.length).toBe(3);
    for (let truth = 0; truth < TOY_CLASSES; truth++)
      for (let label = 0; label < TOY_CLASSES; label++)
        expect(matrixOf(confusion)[truth]![label]).toBe(
          predicted.filter((p, i) => p === label && dataset.test.labels[i] === truth).length,
        );
    predictor.close();
  });
});

it.each(['last-head', 'all-heads'] as const)(
  'adds the scores of another view of each sample, by %s',
  async (classifier) => {
    const spec = toySpec({ objective: 'performance-optimized', classifier });
    const layout = labelLayout(dataset.shape, TOY_CLASSES, 'overlay');
    const states = networkStructure(spec, layout).layers.map((structure) => {
      const state = initialState(structure, 5);
      // Heads begin with zeros, and would tell no class.
      state.parts[1]!.parameters[0]!.forEach((_, i, head) => (head[i] = Math.sin(i)));
      return state;
    });
    const predictor = await Predictor.open(openReference(), spec, states);
    const data = labelled(dataset.test, layout, dataset.shape, spec);
    const rows = Uint32Array.from({ length: 10 }, (_, i) => i);
    const own = await predictor.scores(data, rows);
    const view = mirrored(data, rows);
    const other = await predictor.scores(view.data, view.rows);
    const right = (scores: Float32Array, also: Float32Array): number =>
      strongestClass(sumScores([scores, also]), TOY_CLASSES).filter((label, i) => label === dataset.test.labels[i])
        .length;
    const { accuracy, layerAccuracy } = await predictor.evaluate(data, undefined, mirrored);
    expect(accuracy).toBe(right(own.combined, other.combined) / 10);
    expect(layerAccuracy).toEqual(own.layers.map((scores, layer) => right(scores, other.layers[layer]!) / 10));
    expect(sumScores([own.combined, other.combined])).not.toEqual(sumScores([own.combined, own.combined]));
    predictor.close();
  },
);
