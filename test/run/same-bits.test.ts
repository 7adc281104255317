/** Promise 1: the schedule, the number of nodes, and whatever crashed on the way change nothing but the time. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Variant } from '../../src/schedule/assign.js';
import type { Fault } from '../../src/run/options.js';
import { trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const dataset = toyDataset();
/** Fewer and more than there are layers. Each node is a thread that takes time to start, so more of them only for some specs. */
const NODES = [1, 2, 3, 5];
const MORE_NODES = [...NODES, 4, 7];
const WITH_MORE_NODES = ['RandomNEG-Softmax', 'sampled, lag 1', 'Performance-Optimized, all heads'];

async function digest(
  spec: PartialSpec,
  variant: Variant,
  nodes: number,
  faults: readonly Fault[] = [],
): Promise<string> {
  const result = await trainToEnd({ spec: toySpec(spec), variant, nodes, threadsPerNode: 1, faults }, dataset);
  return result.modelDigest;
}

const specs: readonly [string, PartialSpec][] = [
  ['FixedNEG-Goodness', { negatives: 'fixed' }],
  ['RandomNEG-Goodness', { negatives: 'random' }],
  ['RandomNEG-Softmax', { negatives: 'random', classifier: 'softmax' }],
  ['FixedNEG-Softmax', { negatives: 'fixed', classifier: 'softmax', labelMode: 'append' }],
  ['SymBa', { objective: 'symba', negatives: 'random' }],
  ['AdaptiveNEG, lag 2, means subtracted', { negatives: 'adaptive', labelLag: 2, subtractMean: true }],
  ['sampled, lag 1', { negatives: 'sampled' }],
  ['sampled, bf16', { negatives: 'sampled', precision: 'bf16' }],
  ['sampled, bf16-tile', { negatives: 'sampled', precision: 'bf16-tile' }],
  [
    'sampled, lag 3, Softmax, chapters of half an epoch',
    { negatives: 'sampled', labelLag: 3, classifier: 'softmax', splits: 8 },
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
    'Mono-Forward with dropout on deformed images, means subtracted',
    { objective: 'mono-forward', dropout: 0.2, affine: 0.2, elastic: 1, shift: 1, subtractMean: true, splits: 2 },
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
    'convolutions, a pattern for each label, AdaptiveNEG, on images moved',
    { layers: ['1x6x6', 'conv6+bn', 'conv8+max2'], labelMode: 'pattern', negatives: 'adaptive', labelLag: 2, shift: 1 },
  ],
];

describe.each(specs)('%s', (name, spec) => {
  const counts = WITH_MORE_NODES.includes(name) ? MORE_NODES : NODES;
  let sequential = '';
  beforeAll(async () => {
    sequential = await digest(spec, 'sequential', 1);
  });

  for (const variant of ['single-layer', 'all-layers'] as const)
    it(`${variant} gives the bits of sequential on ${counts.join(', ')} nodes`, async () => {
      const digests = new Map<number, string>();
      for (const nodes of counts) digests.set(nodes, await digest(spec, variant, nodes));
      expect(digests).toEqual(new Map(counts.map((nodes) => [nodes, sequential])));
    });

  it('federated gives the bits of the same shards on one node', async () => {
    const shards = { ...spec, shards: 3 };
    const one = await digest(shards, 'sequential', 1);
    expect(await digest(shards, 'federated', 3)).toBe(one);
    expect(await digest(shards, 'federated', 2)).toBe(one);
    expect(one).not.toBe(sequential);
  });

  it('another seed gives other bits', async () => {
    expect(await digest({ ...spec, seed: 4 }, 'sequential', 1)).not.toBe(sequential);
  });
});

describe('a worker that dies', () => {
  const spec: PartialSpec = { negatives: 'sampled', classifier: 'softmax', epochs: 3 };

  it.each(['single-layer', 'all-layers'] as const)(
    '%s: at any task, just before or after it publishes, changes nothing',
    { timeout: 240_000 },
    async (variant) => {
      const whole = await digest(spec, variant, 2);
      const different: Fault[] = [];
      for (let node = 0; node < 2; node++)
        for (let publication = 0; publication < 8; publication++)
          for (const moment of ['before', 'after'] as const) {
            const fault: Fault = { node, publication, moment };
            if ((await digest(spec, variant, 2, [fault])) !== whole) different.push(fault);
          }
      expect(different).toEqual([]);
    },
  );

  it('is told, and may happen on both nodes, again and again', async () => {
    const faults = [0, 1].flatMap((node) =>
      [0, 0, 2, 1].map((publication): Fault => ({ node, publication, moment: 'before' })),
    );
    expect(await digest(spec, 'all-layers', 2, faults)).toBe(await digest(spec, 'sequential', 1));
  });
});
