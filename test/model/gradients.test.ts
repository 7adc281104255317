/** Every layer-local objective's update against numeric gradients of its own loss. */
import { describe, expect, it } from 'vitest';
import type { LayerInput } from '../../src/kernels/kernels.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { LayerDropout } from '../../src/model/dropout.js';
import type { DenseShape } from '../../src/model/layer-state.js';
import { GoodnessObjective } from '../../src/model/objectives/goodness.js';
import { hintonLoss, symbaLoss } from '../../src/model/objectives/goodness-losses.js';
import type { LayerObjective } from '../../src/model/objectives/objective.js';
import { registerGoodness } from '../../src/model/own-parts.js';
import { LocalHeadObjective } from '../../src/model/objectives/local-head.js';
import { PeerNormalization } from '../../src/model/objectives/peer.js';
import { SoftmaxHeadObjective } from '../../src/model/objectives/softmax.js';
import { RandomStream } from '../../src/random.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { PROBE, checkGradients, randomState } from '../helpers/gradient-check.js';

const SAMPLES = 5;
const CLASSES = 3;
const INPUTS = 7;
const OUTPUTS = 6;

const layer: DenseShape = { role: 'layer', inputs: INPUTS, outputs: OUTPUTS, initialDeviation: 1 };
const head = (inputs: number): DenseShape => ({ role: 'head', inputs, outputs: CLASSES, initialDeviation: 1 });

/** Random rows; with a one-hot suffix for objectives on positive and negative samples. */
function inputOf(variants: number, suffix: boolean): LayerInput {
  const prefix = new Float32Array(SAMPLES * (INPUTS - (suffix ? CLASSES : 0)));
  new RandomStream(5, 'test', 9).fillNormal(prefix, 1);
  if (!suffix) return { prefix, batch: SAMPLES, variants: 1 };
  const oneHot = new Float32Array(variants * SAMPLES * CLASSES);
  for (let r = 0; r < variants * SAMPLES; r++) oneHot[r * CLASSES + (r % CLASSES)] = 0.8;
  return { prefix, batch: SAMPLES, variants, suffix: oneHot };
}

const projection: DenseShape = { ...head(OUTPUTS), withoutBias: true };

/** Made anew for each step: an objective may keep something from batch to batch. */
const cases: readonly [string, () => LayerObjective, readonly DenseShape[], boolean][] = [
  ['goodness as mean', () => new GoodnessObjective(hintonLoss(1, 3), 'mean'), [layer], true],
  ['goodness as sum', () => new GoodnessObjective(hintonLoss(2, 1), 'sum'), [layer], true],
  ['symba', () => new GoodnessObjective(symbaLoss(2), 'mean'), [layer], true],
  [
    'goodness as mean, peer normalisation',
    () => new GoodnessObjective(hintonLoss(1, 0.1), 'mean', new PeerNormalization(3, 'mean')),
    [layer],
    true,
  ],
  [
    'symba on the sum, peer normalisation',
    () => new GoodnessObjective(symbaLoss(0.1), 'sum', new PeerNormalization(0.5, 'sum')),
    [layer],
    true,
  ],
  ['own goodness', () => new GoodnessObjective(hintonLoss(1, 1), 'cubes'), [layer], true],
  [
    'own goodness, peer normalisation',
    () => new GoodnessObjective(hintonLoss(1, 0.1), 'cubes', new PeerNormalization(3, 'cubes')),
    [layer],
    true,
  ],
  ['performance-optimized', () => new LocalHeadObjective('performance-optimized'), [layer, head(OUTPUTS)], false],
  ['mono-forward', () => new LocalHeadObjective('mono-forward'), [layer, projection], false],
  ['softmax', () => new SoftmaxHeadObjective(), [head(INPUTS)], false],
];

/** A power mean: cheap, smooth, and unlike the sum of squares. */
registerGoodness('cubes', {
  of: (row) => row.reduce((sum, y) => sum + y ** 3, 0) / row.length,
  gradient: (row, out) => row.forEach((y, o) => (out[o] = (3 * y * y) / row.length)),
});

const labels = Uint8Array.from({ length: SAMPLES }, (_sample, i) => i % CLASSES);

describe('numeric gradients', () => {
  it.each(cases)('%s', (_, objective, dense, suffix) => {
    const { variants } = objective();
    checkGradients({
      state: randomState(dense),
      maxRows: SAMPLES * variants,
      suffixInputs: suffix ? CLASSES : 0,
      step: (opened) => objective().step(opened, inputOf(variants, suffix), labels, PROBE, PROBE).loss / SAMPLES,
    });
  });

  it.each(cases.filter(([name]) => name !== 'softmax'))(
    '%s, with dropout of outputs',
    (_, objective, dense, suffix) => {
      const { variants } = objective();
      const dropout = new LayerDropout(openReference(), resolveSpec({ dropout: 0.4 }), 2, 0).output(7);
      checkGradients({
        state: randomState(dense),
        maxRows: SAMPLES * variants,
        suffixInputs: suffix ? CLASSES : 0,
        step: (opened) =>
          objective().step(opened, inputOf(variants, suffix), labels, PROBE, PROBE, dropout).loss / SAMPLES,
      });
    },
  );
});

it('dropout of inputs leaves some out and scales the others, another way in each step, layer and chapter', () => {
  const spec = resolveSpec({ dropout: 0.25, seed: 5 });
  const whole: LayerInput = { prefix: new Float32Array(50 * 40).fill(1), batch: 50, variants: 1 };
  const masks = [
    [0, 1, 0],
    [0, 1, 1],
    [0, 2, 0],
    [1, 1, 0],
  ].map(([chapter = 0, l = 0, step = 0]) => {
    const { prefix } = new LayerDropout(openReference(), spec, chapter, l).input(step, whole, 40);
    return prefix.join();
  });
  expect(new Set(masks).size).toBe(4);
  expect(new Set(masks[0]?.split(','))).toEqual(new Set(['0', String(Math.fround(4 / 3))]));
  expect(new LayerDropout(openReference(), spec, 0, 0).input(0, whole, 40)).toBe(whole);
});
