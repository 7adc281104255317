/** The baselines' gradients reach through all layers: against numeric gradients of the whole network's loss. */
import { describe, it } from 'vitest';
import type { LayerKernel } from '../../src/kernels/kernels.js';
import type { PartStructure } from '../../src/layers/layer-kind.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { layerDropout } from '../../src/model/dropout.js';
import { backpropStep } from '../../src/node/baselines/backprop.js';
import { RandomStream } from '../../src/random.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { PROBE, checkGradients, densePart, randomState } from '../helpers/gradient-check.js';

const SAMPLES = 4;
const layer = (inputs: number, outputs: number) => densePart('layer', inputs, outputs);
const head = (inputs: number) => densePart('head', inputs, 3);

/** Parts of the state in order, cut into the network's layers. */
const networks: readonly [string, readonly (readonly PartStructure[])[]][] = [
  ['backprop', [[layer(5, 6)], [layer(6, 5)], [layer(5, 4), head(4)]]],
  [
    'backprop-heads',
    [
      [layer(5, 6), head(6)],
      [layer(6, 5), head(5)],
      [layer(5, 4), head(4)],
    ],
  ],
];

describe('numeric gradients of the whole network', () => {
  it.each(networks.flatMap(([name, layers]) => [0, 0.3].map((rate) => [name, layers, rate] as const)))(
    '%s, case %#',
    async (_, structure, rate) => {
      const prefix = new Float32Array(SAMPLES * 5);
      new RandomStream(5, 'test', 9).fillNormal(prefix, 1);
      const labels = Uint8Array.of(0, 1, 2, 1);
      const dropout = structure.map((_layer, l) =>
        layerDropout(openReference(), resolveSpec({ dropout: rate }), 0, l)?.output(3),
      );
      await checkGradients({
        state: randomState(structure.flat()),
        maxRows: SAMPLES,
        step: async (opened) => {
          const rest = [...opened];
          const layers = structure.map((shapes) => shapes.map(() => rest.shift() as LayerKernel));
          const input = { prefix, batch: SAMPLES, variants: 1 };
          const { loss } = await backpropStep({
            layers,
            input,
            labels,
            labelSmoothing: rate,
            layerRule: PROBE,
            headRule: PROBE,
            dropout,
          });
          return loss / SAMPLES;
        },
      });
    },
  );
});
