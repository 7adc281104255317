/** The short form of blocks: what it says, which texts are the same block, and what it does not take. */
import { describe, expect, it } from 'vitest';
import { leaving } from '../../src/kernels/block/contract.js';
import type { ConvGeometry } from '../../src/layers/conv/geometry.js';
import type { ConvDescription } from '../../src/layers/conv/description.js';
import { formatBlock, parseBlock } from '../../src/layers/conv/text.js';
import { geometries, parseLayers } from '../../src/layers/sizes.js';

describe('a list of layers', () => {
  it.each([
    [
      '3x32x32,conv64,max2,conv128,max2,conv256,max2,dense512',
      ['3x32x32', 'conv64+max2', 'conv128+max2', 'conv256+max2', 512],
    ],
    ['3x32x32,conv64,bn,leaky,max2,10', ['3x32x32', 'conv64+bn+leaky+max2', 10]],
    ['3x32x32,max2,conv64,10', ['3x32x32', 'max2+conv64', 10]],
    ['3x32x32,avg2,ln,conv64+bn,max2', ['3x32x32', 'avg2+ln+conv64+bn+max2']],
    ['3x32x32,conv64,max2,max2,conv8', ['3x32x32', 'conv64+max2+max2', 'conv8']],
    ['3x32x32,conv64,relu,max2,bn,conv8', ['3x32x32', 'conv64+max2+bn', 'conv8']],
    ['784,dense500,500', [784, 500, 500]],
  ])('%s', (text, layers) => {
    expect(parseLayers(text)).toEqual(layers);
  });

  it('a pool before dense layers is of the block before it, not of a dense layer', () => {
    expect(parseLayers('3x32x32,conv8,512,max2,conv9')).toEqual(['3x32x32', 'conv8', 512, 'max2+conv9']);
  });
});

describe('a block', () => {
  const stage = { kernel: 3, stride: 1, groups: 1, norm: 'none', activation: 'relu' } as const;

  it.each<[string, ConvDescription['stages']]>([
    ['conv8', [{ ...stage, channels: 8 }]],
    ['conv8k5s2p1g4+rms', [{ ...stage, channels: 8, kernel: 5, stride: 2, padding: 1, groups: 4, norm: 'rms' }]],
    [
      'conv8+ln2d+leaky0.2+avg3s2',
      [
        {
          ...stage,
          channels: 8,
          norm: 'ln2d',
          activation: 'leaky',
          slope: 0.2,
          pool: { kind: 'average', size: 3, stride: 2 },
        },
      ],
    ],
    [
      'max2+conv8',
      [
        { norm: 'none', activation: 'linear', pool: { kind: 'max', size: 2 } },
        { ...stage, channels: 8 },
      ],
    ],
    [
      'conv8+relu+bn',
      [
        { ...stage, channels: 8 },
        { norm: 'batch', activation: 'linear' },
      ],
    ],
    [
      'conv8+max2+gn4+leaky',
      [
        { ...stage, channels: 8, pool: { kind: 'max', size: 2 } },
        { norm: 4, activation: 'leaky' },
      ],
    ],
  ])('%s, there and back', (text, stages) => {
    expect(parseBlock(text)).toEqual({ kind: 'conv', stages });
    expect(formatBlock({ kind: 'conv', stages })).toBe(text);
  });

  it.each([
    ['conv8k3s1g1+relu+max2s2', 'conv8+max2'],
    ['conv8p1+gn1', 'conv8+ln'],
    ['conv8+leaky0.01', 'conv8+leaky'],
    ['conv8+bn+relu+bn', 'conv8+bn+relu+bn'],
  ])('%s is %s', (text, same) => {
    expect(formatBlock(parseBlock(text) as ConvDescription)).toBe(same);
  });

  it('another description of the same block becomes its text', () => {
    const stages = [
      { ...stage, channels: 8 },
      { norm: 'none', activation: 'linear', pool: { kind: 'max', size: 2 } },
    ] as const;
    expect(parseBlock(formatBlock({ kind: 'conv', stages }))).toEqual(parseBlock('conv8+max2'));
  });

  it.each([
    'max2',
    'bn+relu',
    'conv8+bn+bn',
    'conv8+relu+leaky',
    'conv8+max2+relu',
    'relu+conv8',
    'conv8+leaky1',
    'conv8+leaky0.0',
    'conv8k4',
    'conv0',
    'conv8+',
    'pool2',
  ])('%s is none', (text) => {
    expect(parseBlock(text)).toBeUndefined();
  });

  it('knows what leaves each of its stages', () => {
    const [{ stages, labels, planes }] = geometries(['3x32x32', 'max2+conv8+bn+max2+max3s1'], 3 * 32 * 32 + 10) as [
      ConvGeometry,
    ];
    expect(stages.map((each) => [each.kernel, each.leak, leaving(each)])).toEqual([
      [0, 1, { channels: 3, height: 16, width: 16 }],
      [3, 0, { channels: 8, height: 8, width: 8 }],
      [0, 1, { channels: 8, height: 6, width: 6 }],
    ]);
    expect(labels).toBe(10);
    expect(planes).toEqual({ channels: 8, height: 6, width: 6 });
  });
});
