/** Every backend against the reference, bit for bit, on random shapes: the contract of kernels.ts. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { SyncKernels } from '../../src/kernels/kernels.js';
import { exactNumerics, precisions, type Precision } from '../../src/kernels/numerics.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { backends, instructionSets, missingSets, openBackend } from './backends.js';
import { firstDifference, runLayer, type Shape } from './layers.js';

const reference: Readonly<Record<Precision, SyncKernels>> = {
  f32: openReference('f32'),
  bf16: openReference('bf16'),
  'bf16-tile': openReference('bf16-tile'),
};

/** The reference's results, kept: all cases below ask for the same shapes. */
const referenceRuns = new Map<string, Map<string, Float32Array>>();
function referenceRun(precision: Precision, shape: Shape): Map<string, Float32Array> {
  const key = JSON.stringify([precision, shape]);
  const kept = referenceRuns.get(key) ?? runLayer(reference[precision], shape);
  referenceRuns.set(key, kept);
  return kept;
}

/** Sizes around the widths of vectors and panels (4 to 48), and odd ones. */
const size = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1, 4, 7, 8, 9, 16, 24, 47, 48, 49, 96, 113));

const shapes: fc.Arbitrary<Shape> = fc
  .record({
    prefix: fc.oneof(size, fc.constant(0)),
    suffix: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 11 })),
    outputs: size,
    batch: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(1, 7, 8, 9, 31, 33, 63, 64, 130)),
    variants: fc.integer({ min: 1, max: 4 }),
    activation: fc.constantFrom('relu' as const, 'linear' as const),
    delta: fc.constantFrom('rowScale' as const, 'values' as const),
    optimizer: fc.constantFrom('adam' as const, 'sgd' as const),
    gather: fc.boolean(),
    seed: fc.nat(),
    steps: fc.integer({ min: 1, max: 3 }),
  })
  .filter((shape) => shape.prefix + shape.suffix > 0);

/** Larger than what is gone over at once (chunks of samples and of inputs), with shares for several threads. */
const large: Shape[] = [
  {
    prefix: 3000,
    suffix: 10,
    outputs: 60,
    batch: 70,
    variants: 2,
    activation: 'relu',
    delta: 'rowScale',
    optimizer: 'adam',
    gather: true,
    seed: 1,
    steps: 2,
  },
  {
    prefix: 20,
    suffix: 0,
    outputs: 30,
    batch: 9000,
    variants: 1,
    activation: 'relu',
    delta: 'values',
    optimizer: 'sgd',
    gather: false,
    seed: 2,
    steps: 1,
  },
  {
    prefix: 130,
    suffix: 0,
    // More than one block of outputs of the input gradient in every instruction set, and no multiple of any vector.
    outputs: 1213,
    batch: 33,
    variants: 1,
    activation: 'linear',
    delta: 'values',
    optimizer: 'sgd',
    gather: false,
    seed: 3,
    steps: 2,
  },
];
const trajectories = (precision: Precision) => large.map((shape) => runLayer(reference[precision], shape));
const expected = { f32: trajectories('f32'), bf16: trajectories('bf16'), 'bf16-tile': trajectories('bf16-tile') };

const isNative = (name: string): boolean => instructionSets.some((each) => each === name);

/** Native kernels share a step among threads; the others have one. */
const cases = backends
  .filter((name) => name !== 'reference')
  .flatMap((name) =>
    precisions.flatMap((precision) =>
      (isNative(name) ? [1, 2, 3] : [1]).map((threads) => ({ name, precision, threads })),
    ),
  );

if (instructionSets.length === 0) test.skip('the native kernels: not built, see build/native-build.json', () => {});
else if (missingSets.length > 0) test.skip(`not on this CPU: ${missingSets.join(', ')}`, () => {});

describe.each(cases)('$name in $precision with $threads threads', ({ name, precision, threads }) => {
  const kernels = openBackend(name, threads, precision, 0);
  afterAll(() => kernels.close());

  test('says what it is', () => {
    expect([kernels.name, kernels.numerics, kernels.threads]).toEqual([
      isNative(name) ? `native/${name}` : name,
      exactNumerics[precision],
      threads,
    ]);
  });

  test("gives the reference's bits on random shapes", () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        expect(firstDifference(referenceRun(precision, shape), runLayer(kernels, shape))).toBeUndefined();
      }),
      { numRuns: 40, seed: 1 },
    );
  });

  test.each(large.map((shape, i) => ({ shape, i })))(
    'and for $shape.prefix inputs, $shape.outputs outputs, $shape.batch samples',
    ({ shape, i }) => {
      expect(firstDifference(expected[precision][i] ?? new Map(), runLayer(kernels, shape))).toBeUndefined();
    },
  );
});
