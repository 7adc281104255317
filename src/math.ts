/**
 * exp and log in plain double arithmetic. The engines' own Math.exp and Math.log may differ in the last bit from one
 * engine or version to the next; these give the same bits wherever IEEE 754 holds (DESIGN: same spec, same bits).
 */

import { INVERSE_LN2, LN2_HIGH, LN2_LOW } from './math-constants.js';

const scratch = new DataView(new ArrayBuffer(8));

/** 2^n for an integer n in [-1022, 1023]. */
function powerOfTwo(n: number): number {
  scratch.setUint32(0, (n + 1023) << 20);
  scratch.setUint32(4, 0);
  return scratch.getFloat64(0);
}

/** e^x; relative error below 1e-15. 0 below -708, Infinity above 709, NaN for NaN. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x > 709) return Number.POSITIVE_INFINITY;
  if (x < -708) return 0;
  const n = Math.floor(x * INVERSE_LN2 + 0.5);
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  // Taylor series to r^13; |r| <= ln2 / 2, so the next term is below 2e-17.
  let sum = 1;
  for (let k = 13; k >= 1; k--) sum = 1 + (r / k) * sum;
  return n === 1024 ? sum * 2 * powerOfTwo(1023) : sum * powerOfTwo(n);
}

/** Natural logarithm; relative error below 1e-15 for normal x. -Infinity for 0, NaN below 0. */
export function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY) return x;
  let exponent = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984; // 2^54: out of the subnormal range
    exponent = -54;
  }
  scratch.setFloat64(0, x);
  const high = scratch.getUint32(0);
  exponent += (high >>> 20) - 1023;
  scratch.setUint32(0, (high & 0xfffff) | (1023 << 20));
  let mantissa = scratch.getFloat64(0);
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  // log(m) = 2 atanh((m - 1) / (m + 1)); |t| < 0.172, so terms beyond t^21 are below 1e-17.
  const t = (mantissa - 1) / (mantissa + 1);
  const t2 = t * t;
  let sum = 0;
  for (let k = 21; k >= 3; k -= 2) sum = (sum + 1 / k) * t2;
  return exponent * LN2_HIGH + (exponent * LN2_LOW + 2 * t * (sum + 1));
}

/** log(1 + e^x), without overflow. */
export function softplus(x: number): number {
  if (x > 40) return x;
  const e = exp(-Math.abs(x));
  // log(1 + e) loses digits of a small e; the series to e^2 is exact to double precision below 1e-8.
  const tail = e < 1e-8 ? e - (e * e) / 2 : log(1 + e);
  return x > 0 ? x + tail : tail;
}

/** 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}

/** base^n for an integer n >= 0, by squaring: the same bits on every engine, which Math.pow does not promise. */
export function integerPower(base: number, n: number): number {
  let result = 1;
  for (let square = base; n > 0; n = Math.floor(n / 2), square *= square) if (n % 2 === 1) result *= square;
  return result;
}
