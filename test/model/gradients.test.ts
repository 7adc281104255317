/** Every layer-local objective's update against numeric gradients of its own loss. */
import { describe, it } from 'vitest';
import type { LayerInput } from '../../src/kernels/kernels.js';
import type { DenseShape } from '../../src/model/layer-state.js';
import { GoodnessObjective, hintonLoss, symbaLoss } from '../../src/model/objectives/goodness.js';
import type { LayerObjective } from '../../src/model/objectives/objective.js';
import { PerformanceOptimizedObjective } from '../../src/model/objectives/performance-optimized.js';
import { SoftmaxHeadObjective } from '../../src/model/objectives/softmax.js';
import { RandomStream } from '../../src/random.js';
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

const cases: readonly [string, LayerObjective, readonly DenseShape[], boolean][] = [
  ['goodness as mean', new GoodnessObjective(hintonLoss(1, 3), 'mean'), [layer], true],
  ['goodness as sum', new GoodnessObjective(hintonLoss(2, 1), 'sum'), [layer], true],
  ['symba', new GoodnessObjective(symbaLoss(2), 'mean'), [layer], true],
  ['performance-optimized', new PerformanceOptimizedObjective(), [layer, head(OUTPUTS)], false],
  ['softmax', new SoftmaxHeadObjective(), [head(INPUTS)], false],
];

describe('numeric gradients', () => {
  it.each(cases)('%s', (_, objective, dense, suffix) => {
    const labels = Uint8Array.from({ length: SAMPLES }, (_sample, i) => i % CLASSES);
    checkGradients({
      state: randomState(dense),
      maxRows: SAMPLES * objective.variants,
      suffixInputs: suffix ? CLASSES : 0,
      step: (opened) =>
        objective.step(opened, inputOf(objective.variants, suffix), labels, PROBE, PROBE).loss / SAMPLES,
    });
  });
});
