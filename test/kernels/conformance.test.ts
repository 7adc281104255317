/** Every backend against the reference, bit for bit, on random shapes: the contract of kernels.ts. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Kernels } from '../../src/kernels/kernels.js';
import { kernelsChoices, listInstructionSets, openKernels } from '../../src/kernels/open.js';
import { firstDifference, runLayer, type Shape } from './layers.js';

const reference = openKernels({ kernels: 'reference', threads: 1 }).kernels;

/** Sizes around the widths of vectors and panels (4 to 48), and odd ones. */
const size = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1, 4, 7, 8, 9, 16, 24, 47, 48, 49, 96, 113));

const shapes: fc.Arbitrary<Shape> = fc
  .record({
    prefix: fc.oneof(size, fc.constant(0)),
    suffix: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 11 })),
    outputs: size,
    batch: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(1, 7, 8, 9, 31, 64, 130)),
    variants: fc.integer({ min: 1, max: 4 }),
    activation: fc.constantFrom('relu', 'linear'),
    delta: fc.constantFrom('rowScale', 'values'),
    gather: fc.boolean(),
    seed: fc.nat(),
    steps: fc.integer({ min: 1, max: 3 }),
  })
  .filter((shape) => shape.prefix + shape.suffix > 0);

const backends = kernelsChoices
  .filter((name) => name !== 'auto' && name !== 'native' && name !== 'reference')
  .flatMap((name) => [1, 2, 3].map((threads) => ({ name, threads })));

describe.each(backends)('$name with $threads threads', ({ name, threads }) => {
  const here = listInstructionSets().includes(name);
  let kernels: Kernels | undefined;
  const open = () => (kernels ??= openKernels({ kernels: name, threads }).kernels);
  afterAll(() => kernels?.close());

  test.skipIf(!here)(`gives the reference's bits${here ? '' : ': this CPU or build has no such kernels'}`, () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        expect(firstDifference(runLayer(reference, shape), runLayer(open(), shape))).toBeUndefined();
      }),
      { numRuns: 60, seed: 1 },
    );
  });
});
