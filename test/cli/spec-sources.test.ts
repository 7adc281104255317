/** What of a preset outlives an option that goes over it. */
import { expect, it } from 'vitest';
import { askedSpec } from '../../src/cli/flags/spec-sources.js';
import { presets } from '../../src/spec/presets.js';
import { resolveSpec } from '../../src/spec/spec.js';

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
