import { describe, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { presets } from '../../src/spec/presets.js';
import { resolveSpec, type PartialSpec } from '../../src/spec/spec.js';

describe('resolveSpec', () => {
  it('fills in what is left out, by objective', () => {
    expect(resolveSpec({})).toMatchObject({ objective: 'goodness', negatives: 'sampled', classifier: 'goodness' });
    expect(resolveSpec({ objective: 'performance-optimized' })).toMatchObject({
      negatives: 'none',
      classifier: 'all-heads',
    });
    expect(resolveSpec({ objective: 'backprop' })).toMatchObject({ negatives: 'none', classifier: 'last-head' });
    expect(resolveSpec({ epochs: 5 }).splits).toBe(5);
    expect(resolveSpec({ epochs: 5, splits: 2 }).splits).toBe(2);
  });

  it('is the identity on a complete spec', () => {
    for (const { spec } of Object.values(presets)) {
      const resolved = resolveSpec(spec);
      expect(resolveSpec(resolved)).toEqual(resolved);
      expect(resolveSpec(JSON.parse(JSON.stringify(resolved)) as PartialSpec)).toEqual(resolved);
    }
  });

  it('reads the spec of a run of version 0.1.0: fields that are newer change nothing', () => {
    const newer = [
      'shift',
      'flip',
      'affine',
      'elastic',
      'cutout',
      'fill',
      'augmentPer',
      'subtractMean',
      'peerNormalization',
      'labelSmoothing',
      'dropout',
      'optimizer',
      'momentum',
    ] as const;
    const old: PartialSpec = resolveSpec({ layers: [784, 20, 10], seed: 9 });
    for (const field of newer) delete old[field];
    expect(resolveSpec(old)).toMatchObject({
      shift: 0,
      flip: false,
      affine: 0,
      elastic: 0,
      cutout: 0,
      fill: 'black',
      augmentPer: 'chapter',
      subtractMean: false,
      peerNormalization: 0,
      labelSmoothing: 0,
      dropout: 0,
      optimizer: 'adam',
    });
  });

  it.each<[PartialSpec | Record<string, unknown>, RegExp]>([
    [{ batch: 0 }, /^batch: /],
    [{ learningRate: -1 }, /^learningRate: /],
    [{ layers: [784] }, /^layers: /],
    [{ layers: ['1x28x28', 'conv8k4'] }, /conv8k4.* is no layer/],
    [{ seed: 2 ** 32 }, /^seed: /],
    [{ nonsense: 1 }, /nonsense/],
    [{ negatives: 'none' }, /objective goodness needs negative samples/],
    [{ objective: 'performance-optimized', negatives: 'random' }, /uses no negative samples, but negatives is random/],
    [{ classifier: 'all-heads' }, /classifier all-heads needs layers with heads/],
    [{ objective: 'performance-optimized', classifier: 'softmax' }, /classifier softmax does not fit/],
    [{ objective: 'backprop', classifier: 'all-heads' }, /backprop has one head only/],
    [{ layers: [784, 10] }, /reads all layers but the first, and there is only one/],
    [{ labelMode: 'pattern' }, /^labelMode is pattern, which lays the label over planes, but the layers take single/],
    [
      { layers: ['2x6x6', 'conv7k6p0+bn', 8], objective: 'pred', batch: 1 },
      /^batch is 1, but a layer normalises each channel over the batch/,
    ],
    [{ augmentPer: 'layer' }, /^augmentPer is layer, but images are neither moved nor deformed/],
    [{ augmentPer: 'layer', shift: 1, objective: 'backprop' }, /^augmentPer is layer, but objective backprop passes/],
    [{ negatives: 'random', labelLag: 2 }, /negatives random do not depend on earlier chapters/],
    [{ dropout: 1 }, /^dropout: /],
    [{ shift: -1 }, /^shift: /],
    [{ cutout: 1.5 }, /^cutout: /],
    [{ fill: 'mean' }, /nothing comes in/],
    [{ optimizer: 'rmsprop' }, /^optimizer: /],
    [{ objective: 'mono-forward', peerNormalization: 1 }, /peerNormalization goes with objectives on goodness/],
    [{ labelSmoothing: 0.1 }, /labelSmoothing goes with losses that have a softmax, but the objective is goodness/],
    [{ objective: 'predsim', batch: 1 }, /batch is 1, but objective predsim compares the samples/],
    [{ optimizer: 'sgd', learningRate: 3, weightDecay: 0.5 }, /weightDecay 0.5 times the learning rate 3 takes all/],
    [{ labelSmoothing: 1 }, /^labelSmoothing: /],
    [{ skew: 1 }, /skew needs more than one shard/],
  ])('%j is refused', (given, message) => {
    expect(() => resolveSpec(given as PartialSpec)).toThrow(PffError);
    expect(() => resolveSpec(given as PartialSpec)).toThrow(message);
  });
});
