/** Tiles of products are, bit for bit, one sum after the other, whatever is left at their edges. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pairProducts, weightedRows } from '../../src/objectives/similarity-products.js';
import { RandomStream } from '../../src/random.js';

const sizes = [fc.integer({ min: 1, max: 11 }), fc.integer({ min: 1, max: 13 }), fc.nat(1000)] as const;

function random(length: number, seed: number, purpose: number): Float64Array {
  const values = new Float32Array(length);
  new RandomStream(seed, 'test', purpose).fillNormal(values, 1);
  return Float64Array.from(values, (value) => value / 3);
}

it('products of pairs of rows are sums in the order of the values', () => {
  fc.assert(
    fc.property(...sizes, (batch, size, seed) => {
      const rows = random(batch * size, seed, 1);
      const found = pairProducts(rows, batch, size);
      for (let i = 0; i < batch; i++)
        for (let j = 0; j < i; j++) {
          let sum = 0;
          for (let k = 0; k < size; k++) sum += rows[i * size + k]! * rows[j * size + k]!;
          expect(found[i * batch + j]).toBe(sum);
        }
    }),
  );
});

it('weighted rows are sums in the order of the rows', () => {
  fc.assert(
    fc.property(...sizes, (batch, size, seed) => {
      const rows = random(batch * size, seed, 1);
      const weights = random(batch * batch, seed, 2);
      const found = weightedRows(weights, rows, batch, size);
      for (let i = 0; i < batch; i++)
        for (let at = 0; at < size; at++) {
          let sum = 0;
          for (let k = 0; k < batch; k++) sum += weights[i * batch + k]! * rows[k * size + at]!;
          expect(found[i * size + at]).toBe(sum);
        }
    }),
  );
});
