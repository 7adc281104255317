/** The losses of Nøkland & Eidnes, and channel groups, on layers of values and of planes, against numeric gradients. */
import { describe, expect, it } from 'vitest';
import type { LayerInput } from '../../src/kernels/kernels.js';
import { geometries } from '../../src/layers/sizes.js';
import { initialState } from '../../src/layers/layer-state.js';
import { objectives } from '../../src/objectives/table.js';
import { similarityLoss } from '../../src/objectives/similarity.js';
import { RandomStream } from '../../src/random.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { PROBE, checkGradients } from '../helpers/gradient-check.js';

const SAMPLES = 5;
const CLASSES = 3;
const labels = Uint8Array.from({ length: SAMPLES }, (_sample, i) => i % CLASSES);
const spec = resolveSpec({});

function random(length: number, purpose: number): Float32Array {
  const values = new Float32Array(length);
  new RandomStream(5, 'test', purpose).fillNormal(values, 1);
  return values;
}

describe('the similarity loss', () => {
  it.each([
    ['of values', 12, undefined],
    ['of planes', 12, { channels: 3, height: 2, width: 2 }],
  ] as const)('has the gradient that it says, %s', (_, width, planes) => {
    const values = random(SAMPLES * width, 1);
    const { gradient, loss } = similarityLoss(values, labels, CLASSES, planes);
    expect(loss).toBeGreaterThan(0.1);
    values.forEach((original, i) => {
      values[i] = original + 1e-3;
      const up = similarityLoss(values, labels, CLASSES, planes).loss;
      values[i] = original - 1e-3;
      const down = similarityLoss(values, labels, CLASSES, planes).loss;
      values[i] = original;
      expect(gradient[i]).toBeCloseTo((up - down) / 2e-3, 3);
    });
  });

  it('is 0 where samples of a class point one way, and classes as far apart as their labels', () => {
    const values = new Float32Array(SAMPLES * CLASSES);
    labels.forEach((label, b) => (values[b * CLASSES + label] = 2 + b));
    expect(similarityLoss(values, labels, CLASSES, undefined).loss).toBeCloseTo(0, 10);
  });
});

/** The head of `sim` and `predsim` learns by its own loss, and the map by its share, so these are held against the loss itself. */
describe.each(['pred', 'cwc', 'deeper-forward', 'performance-optimized'])('%s', (name) => {
  it.each([
    ['dense', [8, 6]],
    ['planes', ['2x4x4', 'conv6+leaky']],
    ['planes, normalised', ['2x4x4', 'conv6+bn+linear+avg2']],
  ] as const)('trains by the gradient of its loss, %s', async (_, layers) => {
    await check(name, layers, 0.7);
  });
});

it.each([
  ['dense', [8, 6]],
  ['planes', ['2x3x3', 'conv4+linear']],
] as const)('sim trains layer and map by the gradient of its loss, %s', async (_, layers) => {
  await check('sim', layers, 0.7, ['head']);
});

async function check(
  name: string,
  layers: readonly (number | string)[],
  deviation: number,
  without: readonly string[] = [],
): Promise<void> {
  const objective = objectives.get(name);
  const geometry = geometries(layers)[0]!;
  const parts = objective.parts(spec, { geometry, labelInputs: 0, layer: 0, last: true, classes: CLASSES });
  const state = initialState({ layer: 0, parts }, 3);
  state.parts.forEach(({ parameters }, i) => {
    for (const values of parameters) {
      const noise = new Float32Array(values.length);
      new RandomStream(11, 'test', i).fillNormal(noise, deviation);
      if (!parts[i]?.withoutBias || values !== parameters.at(-1))
        values.forEach((value, k) => (values[k] = value / 2 + noise[k]!));
    }
  });
  const prefix = random(SAMPLES * geometry.inputs, 2);
  const input: LayerInput = { prefix, batch: SAMPLES, variants: 1 };
  await checkGradients({
    state,
    maxRows: SAMPLES,
    without,
    step: async (kernels) => {
      const { loss } = await objective.begin(spec).step({ kernels, input, labels, layerRule: PROBE, headRule: PROBE });
      return loss / SAMPLES;
    },
  });
}
