/** Hints at typing errors: the one rule behind all of them. */
import { expect, it } from 'vitest';
import { didYouMean, nearest } from '../src/suggest.js';

it.each([
  ['tarin', ['train', 'trace', 'eval'], 'train'],
  ['CIFAR-10', ['mnist', 'cifar10'], 'cifar10'],
  // A name cut short is nearer than a shorter name with other letters.
  ['thread', ['three', 'threads-per-node'], 'threads-per-node'],
  ['zebra', ['train', 'eval'], undefined],
])('%s of %j: %s', (given, known, expected) => {
  expect(nearest(given, known)).toBe(expected);
});

it('suggests only what is near', () => {
  expect(didYouMean('tarin', ['train'], 'See help.')).toBe('Did you mean train? See help.');
  expect(didYouMean('zebra', ['train'], 'See help.')).toBe('See help.');
});
