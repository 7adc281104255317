/**
 * The kernels on a GPU, here SwiftShader: it does not fuse and loses subnormal numbers, so whatever is not exact in itself needs integer
 * arithmetic. Every bit is that of the reference.
 * Own process: its environment names a GPU in software.
 */
import { isProved } from '#platform/proofs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fma } from '../../src/kernels/reference/fma.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import { exactNumerics, precisions, type Precision } from '../../src/kernels/numerics.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { sharedDevice } from '../../src/kernels/webgpu/device.js';
import { kernelsOn, openWebGpu } from '../../src/kernels/webgpu/webgpu.js';
import { RandomStream } from '../../src/random.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { emptyTensors, firstDifference, runLayer, runLayerOnDevice, type Shape } from './layers.js';

Object.assign(process.env, softwareGpu());

const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(15, 16, 17, 31, 32, 33, 64, 65));
const shapes: fc.Arbitrary<Shape> = fc
  .record({
    prefix: fc.oneof(size, fc.constant(0)),
    suffix: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 11 })),
    outputs: size,
    batch: fc.integer({ min: 1, max: 20 }),
    variants: fc.integer({ min: 1, max: 3 }),
    activation: fc.constant('relu' as const),
    delta: fc.constantFrom('rowScale' as const, 'values' as const),
    optimizer: fc.constantFrom('adam' as const, 'sgd' as const),
    gather: fc.boolean(),
    seed: fc.nat(),
    steps: fc.integer({ min: 1, max: 2 }),
  })
  .filter((shape) => shape.prefix + shape.suffix > 0);

const larger: Shape = {
  prefix: 70,
  suffix: 3,
  outputs: 70,
  batch: 40,
  variants: 2,
  activation: 'relu',
  delta: 'rowScale',
  optimizer: 'adam',
  gather: true,
  seed: 1,
  steps: 2,
};

const cases: readonly { readonly precision: Precision; readonly each: readonly [number] }[] = [
  ...precisions.map((precision) => ({ precision, each: [1] as const })),
  // As on a GPU that is none of software.
  { precision: 'bf16', each: [2] },
  { precision: 'bf16-tile', each: [4] },
  { precision: 'bf16', each: [8] },
];

describe.each(cases)('$precision, $each outputs a thread in each direction', ({ precision, each }) => {
  let kernels: Kernels;
  const reference = openReference(precision);
  beforeAll(async () => {
    kernels = kernelsOn(await sharedDevice(), { precision, form: 'integer', each });
  });
  afterAll(() => kernels.close());

  // The largest tiles take long to compile: one shape of one optimizer.
  if (each[0] < 8)
    test("gives the reference's bits on random shapes", async () => {
      await fc.assert(
        fc.asyncProperty(shapes, async (shape) => {
          const found = await runLayerOnDevice(kernels, shape);
          expect(firstDifference(runLayer(reference, shape), found)).toBeUndefined();
        }),
        { numRuns: each[0] === 1 ? 4 : 2, seed: 1 },
      );
    });

  test('and on a larger one', async () => {
    const found = await runLayerOnDevice(kernels, larger);
    expect(firstDifference(runLayer(reference, larger), found)).toBeUndefined();
  });
});

test('a multiply-add in integers rounds once, whatever its operands', async () => {
  const kernels = kernelsOn(await sharedDevice(), { precision: 'f32', form: 'integer', each: [1] });
  const stream = new RandomStream(1, 'test');
  // Any exponent, subnormal numbers and ties among them; no infinity and no NaN.
  const bits = (n: number) =>
    Uint32Array.from({ length: n }, () => {
      const [sign, exponent, fraction] = [stream.below(2), stream.below(255), stream.below(2 ** 23)];
      return ((sign << 31) | (exponent << 23) | (stream.below(3) === 0 ? fraction & 0x7ff000 : fraction)) >>> 0;
    });
  const floats = (n: number) => new Float32Array(bits(n).buffer);
  const [outputs, batch] = [60, 120];
  const weights = floats(outputs);
  // Addends near the products, so that they cancel.
  const bias = floats(outputs);
  const prefix = floats(batch);
  for (let i = 0; i < outputs; i += 2) bias[i] = -Math.fround((prefix[i] ?? 0) * (weights[i] ?? 0));
  for (let i = 0; i < outputs; i++) if (!Number.isFinite(bias[i])) bias[i] = 0;
  const tensors = { ...emptyTensors(1, outputs), weights, bias };
  const layer = await kernels.openDense(tensors, { activation: 'linear', maxRows: batch, suffixInputs: 0 });
  const activations = new Float32Array(batch * outputs);
  await layer.infer({ prefix, batch, variants: 1 }, { activations });
  const expected = activations.map((_, i) =>
    fma(prefix[Math.floor(i / outputs)]!, weights[i % outputs]!, bias[i % outputs]!),
  );
  expect(firstDifference(new Map([['fma', expected]]), new Map([['fma', activations]]))).toBeUndefined();
  layer.close();
  kernels.close();
});

test('what is opened by name has the arithmetic that was proved', async () => {
  const kernels = await openWebGpu('bf16');
  expect(kernels.numerics).toBe(exactNumerics.bf16);
  expect(isProved('webgpu/google swiftshader bf16 dense integer')).toBe(true);
  expect(kernels.name).toMatch(/^webgpu\/.*in integer arithmetic$/);
  const shape: Shape = { ...larger, prefix: 3, suffix: 2, outputs: 4, batch: 50, steps: 1 };
  expect(
    firstDifference(runLayer(openReference('bf16'), shape), await runLayerOnDevice(kernels, shape)),
  ).toBeUndefined();
  kernels.close();
});
