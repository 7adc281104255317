/** The exact fused multiply-add of the reference, against exact rational arithmetic. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fma } from '../../src/kernels/reference/fma.js';

const view = new DataView(new ArrayBuffer(8));

/** A finite double as an integer times 2^-1100. */
function scaled(x: number): bigint {
  view.setFloat64(0, x);
  const high = view.getUint32(0);
  const exponent = (high >>> 20) & 0x7ff;
  const fraction = (BigInt(high & 0xfffff) << 32n) | BigInt(view.getUint32(4));
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n);
  const value = mantissa << BigInt(Math.max(exponent, 1) - 1075 + 1100);
  return high >>> 31 === 1 ? -value : value;
}

/** Whether `found` is a · b + c rounded to the nearest f32, ties to even; all finite. */
function isRounded(a: number, b: number, c: number, found: number): boolean {
  const exact = scaled(a) * scaled(b) + (scaled(c) << 1100n);
  const distance = (x: number) => {
    const d = (scaled(x) << 1100n) - exact;
    return d < 0n ? -d : d;
  };
  const bits = new Uint32Array(Float32Array.of(found).buffer);
  const own = distance(found);
  return [1, -1].every((step) => {
    const other = new Float32Array(Uint32Array.of((bits[0] ?? 0) + step).buffer)[0] ?? 0;
    if (!Number.isFinite(other) || Number.isNaN(other)) return true;
    const theirs = distance(other);
    return own < theirs || (own === theirs && ((bits[0] ?? 0) & 1) === 0);
  });
}

/** f32 values with few digits and exponents close together, so that ties and near-ties are common. */
const coarse = fc
  .tuple(fc.integer({ min: -(2 ** 24), max: 2 ** 24 }), fc.integer({ min: -30, max: 30 }))
  .map(([mantissa, exponent]) => Math.fround(mantissa * 2 ** exponent));

test('rounds a · b + c once', () => {
  const any = fc.oneof(coarse, fc.float({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 60), max: 2 ** 60 }));
  fc.assert(
    fc.property(any, any, any, (a, b, c) => {
      const found = fma(a, b, c);
      if (found !== 0 && Number.isFinite(found)) expect(isRounded(a, b, c, found)).toBe(true);
    }),
    { numRuns: 20_000, seed: 1 },
  );
});

test('rounds right where the double sum lies halfway between two f32', () => {
  // 1 + 2^-24 is halfway; the product's tail beyond the double decides.
  const tail = 2 ** -60;
  expect(fma(1, 2 ** -24, 1)).toBe(1);
  expect(fma(Math.fround(1 + 2 ** -23), Math.fround(2 ** -24), 1)).toBe(1 + 2 ** -23);
  expect(fma(2 ** -30, 2 ** -30, 1)).toBe(1);
  expect(isRounded(tail, 1, 1 + 2 ** -23, fma(tail, 1, 1 + 2 ** -23))).toBe(true);
  // (1 + 2^-12)² = 1 + 2^-11 + 2^-24: halfway above 1 + 2^-11; c moves it off by less than a double can hold.
  const a = Math.fround(1 + 2 ** -12);
  for (const c of [2 ** -100, -(2 ** -100), 0]) {
    const found = fma(a, a, c);
    expect(isRounded(a, a, c, found)).toBe(true);
    expect(found).toBe(c > 0 ? 1 + 2 ** -11 + 2 ** -23 : 1 + 2 ** -11);
  }
});

test('handles the ends of the range', () => {
  const largest = Math.fround(3.4028234663852886e38);
  const halfStep = 2 ** 103;
  expect(fma(1, largest, halfStep)).toBe(Infinity);
  expect(fma(largest, 1, Math.fround(halfStep * (1 - 2 ** -24)))).toBe(largest);
  expect(fma(2 ** -100, 2 ** -49, 0)).toBe(2 ** -149);
  expect(fma(2 ** -100, 2 ** -50, 0)).toBe(0);
  expect(fma(Infinity, 1, 1)).toBe(Infinity);
  expect(fma(Infinity, 0, 1)).toBeNaN();
  expect(fma(Number.NaN, 0, 1)).toBeNaN();
  expect(Object.is(fma(-1, 0, -0), -0)).toBe(true);
});
