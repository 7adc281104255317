/**
 * Every layer-local objective's update against numeric gradients of its own loss.
 * Own process: it registers parts.
 */
import { describe, expect, it } from 'vitest';
import type { LayerInput } from '../../src/kernels/kernels.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { LayerDropout } from '../../src/model/dropout.js';
import type { PartStructure } from '../../src/layers/layer-kind.js';
import { groupHeadOn } from '../../src/layers/group-head.js';
import { GoodnessTraining } from '../../src/objectives/goodness-training.js';
import { hintonLoss } from '../../src/objectives/hinton.js';
import { LocalHeadTraining } from '../../src/objectives/local-head-training.js';
import type { LayerObjective } from '../../src/objectives/objective.js';
import { PeerNormalization } from '../../src/objectives/peer.js';
import { SoftmaxHeadTraining } from '../../src/objectives/softmax.js';
import { symbaLoss } from '../../src/objectives/symba.js';
import { registerGoodness } from '../../src/spec/own-parts.js';
import { RandomStream } from '../../src/random.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { PROBE, checkGradients, densePart, randomState } from '../helpers/gradient-check.js';

const SAMPLES = 5;
const CLASSES = 3;
const INPUTS = 7;
const OUTPUTS = 6;

const layer = densePart('layer', INPUTS, OUTPUTS, CLASSES);
const unlabelled = densePart('layer', INPUTS, OUTPUTS);
const head = (inputs: number) => densePart('head', inputs, CLASSES);

/** Random rows; positive and negative ones have a one-hot suffix. */
function inputOf(variants: 1 | 2): LayerInput {
  const prefix = new Float32Array(SAMPLES * (INPUTS - (variants === 2 ? CLASSES : 0)));
  new RandomStream(5, 'test', 9).fillNormal(prefix, 1);
  if (variants === 1) return { prefix, batch: SAMPLES, variants };
  const oneHot = new Float32Array(variants * SAMPLES * CLASSES);
  for (let r = 0; r < variants * SAMPLES; r++) oneHot[r * CLASSES + (r % CLASSES)] = 0.8;
  return { prefix, batch: SAMPLES, variants, suffix: oneHot };
}

const groups = (of: 'squares' | 'values'): PartStructure => ({
  role: 'head',
  geometry: groupHeadOn({ kind: 'dense', inputs: INPUTS, outputs: OUTPUTS }, 0, CLASSES, of),
  labelInputs: 0,
  initialDeviation: 0,
});

const projection: PartStructure = { ...head(OUTPUTS), withoutBias: true };

const hard = { labelSmoothing: 0 };

/** Made again for each step: an objective may keep something from batch to batch. */
const cases: readonly [string, () => LayerObjective, readonly PartStructure[], 1 | 2][] = [
  ['goodness as mean', () => new GoodnessTraining(hintonLoss({ threshold: 1, steepness: 3 }), 'mean'), [layer], 2],
  ['goodness as sum', () => new GoodnessTraining(hintonLoss({ threshold: 2, steepness: 1 }), 'sum'), [layer], 2],
  ['symba', () => new GoodnessTraining(symbaLoss({ steepness: 2 }), 'mean'), [layer], 2],
  [
    'goodness as mean, peer normalisation',
    () => new GoodnessTraining(hintonLoss({ threshold: 1, steepness: 0.1 }), 'mean', new PeerNormalization(3, 'mean')),
    [layer],
    2,
  ],
  [
    'symba on the sum, peer normalisation',
    () => new GoodnessTraining(symbaLoss({ steepness: 0.1 }), 'sum', new PeerNormalization(0.5, 'sum')),
    [layer],
    2,
  ],
  ['own goodness', () => new GoodnessTraining(hintonLoss({ threshold: 1, steepness: 1 }), 'cubes'), [layer], 2],
  [
    'own goodness, peer normalisation',
    () =>
      new GoodnessTraining(hintonLoss({ threshold: 1, steepness: 0.1 }), 'cubes', new PeerNormalization(3, 'cubes')),
    [layer],
    2,
  ],
  ['performance-optimized', () => new LocalHeadTraining(hard), [unlabelled, head(OUTPUTS)], 1],
  ['mono-forward', () => new LocalHeadTraining(hard), [unlabelled, projection], 1],
  ['pred, labels smoothed', () => new LocalHeadTraining({ labelSmoothing: 0.3 }), [unlabelled, head(OUTPUTS)], 1],
  ['softmax', () => new SoftmaxHeadTraining(hard), [head(INPUTS)], 1],
  ['softmax, labels smoothed', () => new SoftmaxHeadTraining({ labelSmoothing: 0.3 }), [head(INPUTS)], 1],
  ['cwc', () => new LocalHeadTraining(hard), [unlabelled, groups('squares')], 1],
  ['deeper-forward', () => new LocalHeadTraining(hard), [unlabelled, groups('values')], 1],
];

/** A power mean: cheap, smooth, and unlike the sum of squares. */
registerGoodness('cubes', {
  of: (row) => row.reduce((sum, y) => sum + y ** 3, 0) / row.length,
  gradient: (row, out) => row.forEach((y, o) => (out[o] = (3 * y * y) / row.length)),
});

const labels = Uint8Array.from({ length: SAMPLES }, (_sample, i) => i % CLASSES);

describe('numeric gradients', () => {
  it.each(cases)('%s', async (_, objective, parts, variants) => {
    await checkGradients({
      state: randomState(parts),
      maxRows: SAMPLES * variants,
      step: async (kernels) => {
        const input = inputOf(variants);
        const { loss } = await objective().step({ kernels, input, labels, layerRule: PROBE, headRule: PROBE });
        return loss / SAMPLES;
      },
    });
  });

  it.each(cases.filter(([name]) => !name.startsWith('softmax')))(
    '%s, with dropout of outputs',
    async (_, objective, parts, variants) => {
      const dropout = new LayerDropout(openReference(), resolveSpec({ dropout: 0.4 }), 2, 0).output(7);
      await checkGradients({
        state: randomState(parts),
        maxRows: SAMPLES * variants,
        step: async (kernels) => {
          const input = inputOf(variants);
          const step = { kernels, input, labels, layerRule: PROBE, headRule: PROBE, dropout };
          const { loss } = await objective().step(step);
          return loss / SAMPLES;
        },
      });
    },
  );
});

it('dropout of inputs leaves some out and scales the others, another way in each step, layer and chapter', async () => {
  const spec = resolveSpec({ dropout: 0.25, seed: 5 });
  const whole: LayerInput = { prefix: new Float32Array(50 * 40).fill(1), batch: 50, variants: 1 };
  const masks = new Set<string>();
  for (const [chapter = 0, l = 0, step = 0] of [
    [0, 1, 0],
    [0, 1, 1],
    [0, 2, 0],
    [1, 1, 0],
  ]) {
    const { prefix } = await new LayerDropout(openReference(), spec, chapter, l).input(step, whole, 40);
    masks.add(prefix.join());
  }
  expect(masks.size).toBe(4);
  expect(new Set([...masks][0]?.split(','))).toEqual(new Set(['0', String(Math.fround(4 / 3))]));
  expect(await new LayerDropout(openReference(), spec, 0, 0).input(0, whole, 40)).toBe(whole);
});
