/**
 * Promise 1: the schedule, the number of nodes, the instruction set, and whatever crashed on the way change nothing but the time. Nodes are
 * threads that take time to start, so the first specs meet every number of nodes and every schedule, the others a few of them.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Variant } from '../../src/schedule/assign.js';
import { objectives } from '../../src/objectives/table.js';
import type { KernelsChoice } from '../../src/kernels/open.js';
import type { Fault, TrainOptions } from '../../src/run/options.js';
import { trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';
import { instructionSets } from '../kernels/backends.js';

const dataset = toyDataset();

async function digest(spec: PartialSpec, options: TrainOptions): Promise<string> {
  const result = await trainToEnd({ spec: toySpec(spec), threadsPerNode: 1, ...options }, dataset);
  return result.modelDigest;
}

const inPipeline: readonly Variant[] = ['single-layer', 'all-layers'];

const everywhere: readonly [string, PartialSpec][] = [
  ['RandomNEG-Softmax', { negatives: 'random', classifier: 'softmax' }],
  ['sampled, lag 1', { negatives: 'sampled' }],
  [
    'convolutions, predsim with dropout and shifts',
    { layers: ['1x6x6', 'conv6+bn+max2', 'conv8+ln', 12], objective: 'predsim', dropout: 0.1, shift: 1, splits: 3 },
  ],
];

describe.each(everywhere)('%s', (_, spec) => {
  let sequential = '';
  beforeAll(async () => {
    sequential = await digest(spec, { variant: 'sequential' });
  });

  // Fewer and more than there are layers.
  it.each([1, 2, 3, 5])('%s nodes give the bits of one, in every schedule', async (nodes) => {
    for (const variant of inPipeline)
      expect([variant, await digest(spec, { variant, nodes })]).toEqual([variant, sequential]);
  });

  it('federated gives the bits of the same shards on one node', async () => {
    const shards = { ...spec, shards: 3 };
    const one = await digest(shards, { variant: 'sequential' });
    for (const nodes of [2, 3]) expect(await digest(shards, { variant: 'federated', nodes })).toBe(one);
    expect(one).not.toBe(sequential);
  });

  it('another seed gives other bits', async () => {
    expect(await digest({ ...spec, seed: 4 }, { variant: 'sequential' })).not.toBe(sequential);
  });
});

const specs: readonly [string, PartialSpec][] = [
  ['FixedNEG-Goodness', { negatives: 'fixed' }],
  ['RandomNEG-Goodness', { negatives: 'random' }],
  ['FixedNEG-Softmax', { negatives: 'fixed', classifier: 'softmax', labelMode: 'append' }],
  ['SymBa', { objective: 'symba', negatives: 'random' }],
  ['AdaptiveNEG, lag 2, means subtracted', { negatives: 'adaptive', labelLag: 2, subtractMean: true }],
  ['sampled, bf16', { negatives: 'sampled', precision: 'bf16' }],
  ['sampled, bf16-tile', { negatives: 'sampled', precision: 'bf16-tile' }],
  [
    'sampled, lag 3, Softmax with smoothed labels, chapters of half an epoch',
    { negatives: 'sampled', labelLag: 3, classifier: 'softmax', labelSmoothing: 0.1, splits: 8 },
  ],
  ['Performance-Optimized, all heads', { objective: 'performance-optimized' }],
  ['Performance-Optimized, last head', { objective: 'performance-optimized', classifier: 'last-head', splits: 3 }],
  [
    'sampled, lag 1, Softmax, with dropout, shifts and mirror images',
    { negatives: 'sampled', classifier: 'softmax', dropout: 0.2, shift: 1, flip: true },
  ],
  [
    'SGD, peer normalisation, dropout, shifts, chapters of half an epoch',
    { negatives: 'random', optimizer: 'sgd', learningRate: 1, peerNormalization: 1, dropout: 0.1, shift: 2, splits: 8 },
  ],
  [
    'AdaptiveNEG, Softmax, each layer on images of its own',
    {
      negatives: 'adaptive',
      labelLag: 2,
      classifier: 'softmax',
      shift: 1,
      affine: 0.1,
      cutout: 2,
      augmentPer: 'layer',
    },
  ],
  [
    'Mono-Forward with smoothed labels, dropout on deformed images, means subtracted',
    {
      objective: 'mono-forward',
      labelSmoothing: 0.1,
      dropout: 0.2,
      affine: 0.2,
      elastic: 1,
      shift: 1,
      subtractMean: true,
      splits: 2,
    },
  ],
  [
    'convolutions with batch normalisation, Performance-Optimized',
    { layers: ['1x6x6', 'conv6+bn+max2', 'conv8+ln', 12], objective: 'performance-optimized', splits: 3 },
  ],
  [
    'convolutions, sampled, Softmax, with dropout, in bf16-tile',
    { layers: ['1x6x6', 'conv6', 'conv8+bn+max2', 12], classifier: 'softmax', dropout: 0.2, precision: 'bf16-tile' },
  ],
  [
    'convolutions, operations without one, positions normalised, sampled, with dropout of channels',
    {
      layers: ['1x6x6', 'ln+conv6+rms+leaky0.2', 'conv8+relu+bn+max2', 12],
      negatives: 'sampled',
      dropout: 0.3,
      dropoutOf: 'channels',
    },
  ],
  [
    'convolutions, a pattern for each label, AdaptiveNEG, on images moved',
    { layers: ['1x6x6', 'conv6+bn', 'conv8+max2'], labelMode: 'pattern', negatives: 'adaptive', labelLag: 2, shift: 1 },
  ],
];

describe.each(specs)('%s', (_, spec) => {
  it('a node for each layer and fewer give the bits of one', async () => {
    const sequential = await digest(spec, { variant: 'sequential' });
    expect(await digest(spec, { variant: 'single-layer', nodes: 3 })).toBe(sequential);
    expect(await digest(spec, { variant: 'all-layers', nodes: 2 })).toBe(sequential);
    const shards = { ...spec, shards: 2 };
    expect(await digest(shards, { variant: 'federated', nodes: 2 })).toBe(
      await digest(shards, { variant: 'sequential' }),
    );
  });
});

/** All that train layer by layer: baselines know no schedules. */
const layerwise = objectives.names.filter((name) => objectives.get(name).trains === 'layer');

describe.each(layerwise)('convolutions with %s', (objective) => {
  // Channels that the four classes divide, for those that cut them into groups.
  const spec: PartialSpec = { layers: ['1x6x6', 'conv8+bn+max2', 'conv8+ln', 12], objective, epochs: 2 };

  it('schedules, a worker that dies and every instruction set give one digest', async () => {
    const sequential = await digest(spec, { variant: 'sequential' });
    const faults: Fault[] = [{ node: 1, publication: 1, moment: 'before' }];
    expect(await digest(spec, { variant: 'all-layers', nodes: 2, faults })).toBe(sequential);
    expect(await digest(spec, { variant: 'single-layer', nodes: 3 })).toBe(sequential);
    for (const kernels of instructionSets as KernelsChoice[])
      expect([kernels, await digest(spec, { variant: 'sequential', kernels })]).toEqual([kernels, sequential]);
  });
});

describe('a worker that dies', () => {
  const spec: PartialSpec = { negatives: 'sampled', classifier: 'softmax', epochs: 3 };

  it.each(inPipeline)(
    '%s: at any task, just before or after it publishes, changes nothing',
    { timeout: 240_000 },
    async (variant) => {
      const whole = await digest(spec, { variant, nodes: 2 });
      const different: Fault[] = [];
      for (let node = 0; node < 2; node++)
        for (let publication = 0; publication < 8; publication++) {
          // Each node dies at each of its tasks, before it publishes it or after, in turn: real processes die at random moments in test/faults.
          const fault: Fault = { node, publication, moment: (node + publication) % 2 === 0 ? 'before' : 'after' };
          if ((await digest(spec, { variant, nodes: 2, faults: [fault] })) !== whole) different.push(fault);
        }
      expect(different).toEqual([]);
    },
  );

  it('is told, and may happen on both nodes, again and again', async () => {
    const faults = [0, 1].flatMap((node) =>
      [0, 0, 2, 1].map((publication): Fault => ({ node, publication, moment: 'before' })),
    );
    expect(await digest(spec, { variant: 'all-layers', nodes: 2, faults })).toBe(
      await digest(spec, { variant: 'sequential' }),
    );
  });
});
