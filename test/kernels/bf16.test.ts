/** Precision bf16: what is rounded, how, and what is not; on every backend. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { fma } from '../../src/kernels/reference/fma.js';
import { toBf16 } from '../../src/kernels/reference/operations.js';
import { RandomStream } from '../../src/random.js';
import { backends, openBackend } from './backends.js';
import { emptyTensors, sgdRule } from './layers.js';

const float = fc.float({ noNaN: true, noDefaultInfinity: true });

test('rounding takes the nearer of the two neighbours of 8 significant bits, the even one where both are as near', () => {
  fc.assert(
    fc.property(float, (x) => {
      const rounded = toBf16(x);
      if (rounded === 0) {
        expect(Math.abs(x)).toBeLessThanOrEqual(2 ** -40);
      } else if (Number.isFinite(rounded)) {
        const step = 2 ** (Math.floor(Math.log2(Math.abs(rounded))) - 7);
        expect(Number.isInteger(rounded / step)).toBe(true);
        const error = Math.abs(x - rounded) / step;
        expect(error).toBeLessThanOrEqual(0.5);
        if (error === 0.5) expect(Math.abs((rounded / step) % 2)).toBe(0);
      } else {
        expect(Math.abs(x)).toBeGreaterThan(3.38e38);
      }
    }),
  );
  expect([1 + 2 ** -8, 1 + 3 * 2 ** -8, 2 ** -40, 2 ** -41, -(2 ** -40), 2 ** -40 - 2 ** -49].map(toBf16)).toEqual([
    1,
    1 + 2 ** -6,
    2 ** -40,
    0,
    -(2 ** -40),
    2 ** -40,
  ]);
  expect([Number.NaN, Infinity, -Infinity].map(toBf16)).toEqual([Number.NaN, Infinity, -Infinity]);
});

describe.each(backends)('%s', (name) => {
  const kernels = openBackend(name, 1, 'bf16');
  afterAll(() => kernels.close());

  test('a forward pass is a chain of fused multiply-adds of rounded values, with cancellation and special values too', () => {
    const [inputs, outputs] = [7, 4000];
    const stream = new RandomStream(5, 'test');
    const special = [0, -0, Infinity, -Infinity, 2 ** -149, 2 ** -41, 3.4028234663852886e38, 2 ** 100, -(2 ** 100)];
    const coarse = () => Math.fround((stream.below(2 ** 10) - 2 ** 9) * 2 ** (stream.below(60) - 45));
    const tensors = emptyTensors(inputs, outputs);
    tensors.weights.forEach((_, i) => (tensors.weights[i] = i % 50 === 0 ? (special[stream.below(9)] ?? 0) : coarse()));
    tensors.bias.forEach((_, o) => (tensors.bias[o] = [coarse() * 2 ** -10, 2 ** -41, 0, 2 ** -39][o % 4] ?? 0));
    const x = Float32Array.of(1, -1, 1 + 2 ** -8, 1 / 3, 2 ** -41, 2 ** -20, -(2 ** 20));
    const expected = tensors.bias.map((b, o) => {
      let acc = Math.abs(b) < 2 ** -40 ? 0 : b;
      x.forEach((value, p) => (acc = fma(toBf16(value), toBf16(tensors.weights[p * outputs + o] ?? 0), acc)));
      return acc;
    });
    const dense = kernels.openDense(tensors, { activation: 'linear', maxRows: 1, suffixInputs: 0 });
    dense.forward({ prefix: x, batch: 1, variants: 1 });
    expect(dense.activations()).toEqual(expected);
    dense.close();
  });

  test('labels, biases and the weights themselves keep all their digits', () => {
    const tensors = emptyTensors(2, 1);
    const third = Math.fround(1 / 3);
    tensors.weights.set([1, third]);
    tensors.bias[0] = third;
    const dense = kernels.openDense(tensors, { activation: 'linear', maxRows: 1, suffixInputs: 1 });
    dense.forward({ prefix: Float32Array.of(third), batch: 1, variants: 1, suffix: Float32Array.of(third) });
    expect(dense.activations()[0]).toBe(fma(third, third, Math.fround(toBf16(third) + third)));
    dense.update({ values: Float32Array.of(third) }, { ...sgdRule, momentum: 0, stepSize: 1, keep: 1 });
    dense.read(tensors);
    // The gradient of the prefix weight is a product of rounded values, that of the label's weight is not.
    expect([...tensors.weights]).toEqual([
      fma(-1, Math.fround(toBf16(third) ** 2), 1),
      fma(-1, fma(third, third, 0), third),
    ]);
    expect(tensors.bias[0]).toBe(0);
    // What is multiplied next are the new weights.
    dense.forward({ prefix: Float32Array.of(1), batch: 1, variants: 1, suffix: Float32Array.of(0) });
    expect(dense.activations()[0]).toBe(toBf16(tensors.weights[0] ?? 0));
    dense.close();
  });
});
