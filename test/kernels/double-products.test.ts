/** Products of matrices of doubles (rule 13), in JavaScript and by each backend: one sum after the other, bit for bit, whatever is left at the edges. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  doubleProductsInJavaScript,
  type DoubleProducts,
  type ProductShape,
} from '../../src/kernels/double-products.js';
import { RandomStream } from '../../src/random.js';
import { backends, instructionSets, openBackend } from './backends.js';

function random(length: number, seed: number, purpose: number): Float64Array {
  const values = new Float32Array(length);
  new RandomStream(seed, 'test', purpose).fillNormal(values, 1);
  return Float64Array.from(values, (value) => value / 3);
}

const sizes = [
  fc.integer({ min: 1, max: 19 }),
  fc.integer({ min: 1, max: 13 }),
  fc.integer({ min: 1, max: 40 }),
] as const;

/** Compares what is wanted of `multiply`'s products with sums one after the other. */
function compare(multiply: DoubleProducts, shape: ProductShape, seed: number): void {
  const { rows, terms, columns, lower } = shape;
  const left = random(rows * terms, seed, 1);
  const right = random(terms * columns, seed, 2);
  const found = new Float64Array(rows * columns).fill(Number.NaN);
  multiply(left, right, shape, found);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < (lower === true ? i + 1 : columns); j++) {
      let sum = 0;
      for (let k = 0; k < terms; k++) sum += left[i * terms + k]! * right[k * columns + j]!;
      expect(found[i * columns + j]).toBe(sum);
    }
}

const choices = ['JavaScript', ...backends.filter((name) => name !== 'reference')] as const;

describe.each(choices)('products of doubles by %s', (name) => {
  const withProducts = (check: (multiply: DoubleProducts) => void): void => {
    if (name === 'JavaScript') return check(doubleProductsInJavaScript);
    const kernels = openBackend(name, 2);
    check(kernels.doubleProducts as DoubleProducts);
    kernels.close();
  };

  it('are sums in the order of their terms', () => {
    withProducts((multiply) =>
      fc.assert(
        fc.property(...sizes, fc.nat(1000), (rows, terms, columns, seed) => {
          compare(multiply, { rows, terms, columns }, seed);
        }),
        { numRuns: 30 },
      ),
    );
  });

  it('are the same below the diagonal where only that is wanted', () => {
    withProducts((multiply) =>
      fc.assert(
        fc.property(sizes[2], sizes[1], fc.nat(1000), (rows, terms, seed) => {
          compare(multiply, { rows, terms, columns: rows, lower: true }, seed);
        }),
        { numRuns: 30 },
      ),
    );
  });
});

it.each(instructionSets)('%s refuses arrays that are too short', (name) => {
  const kernels = openBackend(name);
  const shape = { rows: 2, terms: 3, columns: 2 };
  expect(() => kernels.doubleProducts?.(new Float64Array(5), new Float64Array(6), shape, new Float64Array(4))).toThrow(
    'doubleProducts: left is too short',
  );
  kernels.close();
});
