/**
 * Precision bf16-tile: the order in which AMX adds products, on every backend. amx-tile-golden.bin holds products that
 * TDPBF16PS of an Emerald Rapids CPU computed, little endian, each: int32 K; A bf16 [16, K]; B bf16 [K, 16]; C f32 [16, 16];
 * C + A B f32 [16, 16].
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { fma } from '../../src/kernels/reference/fma.js';
import { toBf16 } from '../../src/kernels/reference/operations.js';
import { RandomStream } from '../../src/random.js';
import { backends, openBackend } from './backends.js';
import { emptyTensors, sgdRule } from './layers.js';

const SIDE = 16;

interface GoldenCase {
  readonly k: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly c: Float32Array;
  readonly product: Float32Array;
}

function readGolden(): GoldenCase[] {
  const file = readFileSync(new URL('amx-tile-golden.bin', import.meta.url));
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const cases: GoldenCase[] = [];
  let at = 0;
  const bits = new Uint32Array(1);
  const asFloat = new Float32Array(bits.buffer);
  const bf16 = (count: number) =>
    Float32Array.from({ length: count }, () => {
      bits[0] = view.getUint16(at, true) * 2 ** 16;
      at += 2;
      return asFloat[0] ?? 0;
    });
  const f32 = (count: number) =>
    Float32Array.from({ length: count }, () => {
      at += 4;
      return view.getFloat32(at - 4, true);
    });
  while (at < file.length) {
    const k = view.getInt32(at, true);
    at += 4;
    cases.push({ k, a: bf16(SIDE * k), b: bf16(k * SIDE), c: f32(SIDE * SIDE), product: f32(SIDE * SIDE) });
  }
  return cases;
}

/** acc + the sum of a[k] · b[k] in tile order, straight from the contract. */
function tileSum(acc: number, a: Float32Array, b: Float32Array): number {
  let sum = acc;
  for (let first = 0; first < a.length; first += 32) {
    let [even, odd] = [0, 0];
    for (let k = first; k < first + 32; k += 2) {
      even = fma(toBf16(a[k] ?? 0), toBf16(b[k] ?? 0), even);
      odd = fma(toBf16(a[k + 1] ?? 0), toBf16(b[k + 1] ?? 0), odd);
    }
    sum = Math.fround(sum + Math.fround(even + odd));
  }
  return sum;
}

const column = (matrix: Float32Array, width: number, at: number) => matrix.filter((_, i) => i % width === at);
const golden = readGolden();

test("the golden cases are whole, and the test's own sum agrees with them", () => {
  expect(golden.map(({ k }) => k)).toEqual(Array.from({ length: 12 }, () => [32, 64, 96, 256]).flat());
  for (const { k, a, b, c, product } of golden.slice(0, 8))
    for (let i = 0; i < SIDE * SIDE; i++) {
      const row = a.subarray(Math.floor(i / SIDE) * k, (Math.floor(i / SIDE) + 1) * k);
      expect(tileSum(c[i] ?? 0, row, column(b, SIDE, i % SIDE))).toBe(product[i]);
    }
});

describe.each(backends)('%s', (name) => {
  const kernels = openBackend(name, 1, 'bf16-tile');
  afterAll(() => kernels.close());
  const linear = { activation: 'linear', maxRows: 40, suffixInputs: 0 } as const;

  test('a forward pass gives what AMX computed, bit for bit', () => {
    for (const { k, a, b, c, product } of golden) {
      for (let row = 0; row < SIDE; row++) {
        const of = (matrix: Float32Array, width: number) => matrix.subarray(row * width, (row + 1) * width);
        const tensors = { ...emptyTensors(k, SIDE), weights: b, bias: of(c, SIDE) };
        const dense = kernels.openDense(tensors, linear);
        dense.forward({ prefix: of(a, k), batch: 1, variants: 1 });
        expect(dense.activations()).toEqual(of(product, SIDE));
        dense.close();
      }
    }
  });

  test('forward, gradient and input gradient are sums in tile order over inputs, samples and outputs', () => {
    const size = fc.integer({ min: 1, max: 100 });
    fc.assert(
      fc.property(size, size, fc.integer({ min: 1, max: 40 }), fc.nat(), (inputs, outputs, batch, seed) => {
        const stream = new RandomStream(seed, 'test');
        // Wide exponents, some of them too small to count.
        const values = (length: number) =>
          Float32Array.from({ length }, () => (stream.below(2 ** 12) - 2 ** 11) * 2 ** (stream.below(36) - 44));
        const tensors = { ...emptyTensors(inputs, outputs), weights: values(inputs * outputs), bias: values(outputs) };
        const [x, delta] = [values(batch * inputs), values(batch * outputs)];
        const dense = kernels.openDense(tensors, linear);
        dense.forward({ prefix: x, batch, variants: 1 });
        const y = dense.activations().slice();
        const dX = new Float32Array(batch * inputs);
        dense.inputGradient({ values: delta }, dX);
        dense.update({ values: delta }, { ...sgdRule, momentum: 0, stepSize: 1, keep: 0 });
        const after = emptyTensors(inputs, outputs);
        dense.read(after);
        dense.close();
        const [b, i, o] = [stream.below(batch), stream.below(inputs), stream.below(outputs)];
        const bias = tensors.bias[o] ?? 0;
        const row = (matrix: Float32Array, width: number, at: number) => matrix.subarray(at * width, (at + 1) * width);
        expect([y[b * outputs + o], dX[b * inputs + i], after.weightMoment1[i * outputs + o]]).toEqual([
          tileSum(Math.abs(bias) < 2 ** -40 ? 0 : bias, row(x, inputs, b), column(tensors.weights, outputs, o)),
          tileSum(0, row(delta, outputs, b), row(tensors.weights, outputs, i)),
          tileSum(0, column(x, inputs, i), column(delta, outputs, o)),
        ]);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test('what is too small to count could be flushed by no CPU', () => {
    const tensors = {
      ...emptyTensors(3, 1),
      weights: Float32Array.of(1, 2 ** -41, 2 ** -40),
      bias: Float32Array.of(2 ** -41),
    };
    const dense = kernels.openDense(tensors, linear);
    dense.forward({ prefix: Float32Array.of(2 ** -41, 1, 2 ** -40), batch: 1, variants: 1 });
    expect([...dense.activations()]).toEqual([2 ** -80]);
    dense.close();
  });
});
