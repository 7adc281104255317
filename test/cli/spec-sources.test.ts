/** What of a preset outlives an option that goes over it. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { askedSpec } from '../../src/cli/flags/spec-sources.js';
import { presets } from '../../src/spec/presets.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { ownFolder } from './helpers.js';

it.each(Object.keys(presets))('another optimizer brings its own rates into preset %s', (preset) => {
  const spec = presets[preset]?.spec ?? {};
  const found = resolveSpec(askedSpec({ preset, optimizer: 'sgd' }));
  const usual = resolveSpec({ objective: spec.objective, optimizer: 'sgd' });
  for (const field of ['learningRate', 'headLearningRate', 'weightDecay'] as const)
    expect(found[field]).toBe(usual[field]);
  expect(askedSpec({ preset, optimizer: 'sgd', 'learning-rate': 2 }).learningRate).toBe(2);
  expect(askedSpec({ preset, optimizer: 'adam' })).toMatchObject(spec);
});

it('momentum may be given to sgd only', () => {
  expect(askedSpec({ optimizer: 'sgd', momentum: 0.5 }).momentum).toBe(0.5);
  expect(() => askedSpec({ momentum: 0.5 })).toThrow('--momentum is of sgd');
});

it('epochs that go over those of a file or preset leave the chapters as long as they are', () => {
  const file = path.join(ownFolder(), 'spec.json');
  const asked = (spec: object, flags: object = {}): readonly unknown[] => {
    writeFileSync(file, JSON.stringify(spec));
    const { epochs, splits } = askedSpec({ config: file, ...flags });
    return [epochs, splits];
  };
  expect(asked({ epochs: 4, splits: 4 }, { epochs: 20 })).toEqual([20, 20]);
  expect(asked({ epochs: 4, splits: 8 }, { epochs: 20 })).toEqual([20, 40]);
  expect(asked({ epochs: 4, splits: 8 }, { epochs: 20, splits: 5 })).toEqual([20, 5]);
  expect(asked({ epochs: 4, splits: 8 })).toEqual([4, 8]);
  expect(asked({ splits: 8 }, { epochs: 20 })).toEqual([20, 8]);
  expect(() => asked({ epochs: 4, splits: 2 }, { epochs: 5 })).toThrow(
    /4 epochs in 2 chapters, and 5 epochs make no whole number/,
  );
  const { epochs, splits } = askedSpec({ preset: 'paper', epochs: 10 });
  expect([epochs, splits]).toEqual([10, 10]);
});

it('a preset with smoothed labels can be trained by goodness, which has no softmax; baselines keep them', () => {
  expect(askedSpec({ preset: 'conv-cifar10', objective: 'goodness' }).labelSmoothing).toBeUndefined();
  expect(askedSpec({ preset: 'conv-cifar10', objective: 'backprop' }).labelSmoothing).toBe(0.1);
});

it('a byte-order mark before a file is passed over', () => {
  const file = path.join(ownFolder(), 'spec.json');
  writeFileSync(file, '\uFEFF{"epochs": 3}');
  expect(askedSpec({ config: file }).epochs).toBe(3);
});
