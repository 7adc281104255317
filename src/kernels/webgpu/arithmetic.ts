/**
 * The arithmetic of an f32 in WGSL, in two forms with the same names: `device` trusts the GPU to fuse and to keep subnormal
 * numbers; `integer` computes each rounding in integers, so that it gives the bits of IEEE 754 on any device, at many times the cost.
 * Values are of type `T`: f32, or their bits. Which form holds is found by the probe of numerics, not by what a device says.
 */

import { integers64 } from './integers64.js';

export type ArithmeticForm = 'device' | 'integer';

/** Thresholds of kernels.ts, as bits: 2^-40, 2^-95 and 2^-126. */
const constants = /* wgsl */ `
const SMALLEST_DELTA = 0x2b800000u;
const SMALLEST_MOMENT = 0x10000000u;
const SMALLEST_NORMAL = 0x00800000u;
`;

/** What both forms have: questions about bits. */
const shared = /* wgsl */ `
fn below(x: T, threshold: u32) -> bool { return (bits(x) & 0x7fffffffu) < threshold; }
fn isZero(x: T) -> bool { return (bits(x) << 1u) == 0u; }
fn isNaN(x: T) -> bool { return (bits(x) & 0x7fffffffu) > 0x7f800000u; }
/** x <= 0, which a NaN is not. */
fn notAboveZero(x: T) -> bool { return isZero(x) || ((bits(x) >> 31u) == 1u && !isNaN(x)); }
fn negative(x: T) -> T { return fromBits(bits(x) ^ 0x80000000u); }
fn relu(x: T) -> T { if (notAboveZero(x)) { return fromBits(0u); } return x; }
/** An operand of bf16: ties to even, and 0 below 2^-40. */
fn toBf16(x: T) -> f32 {
  let u = bits(x);
  if (isNaN(x)) { return bitcast<f32>(u); }
  let rounded = (u + 0x7fffu + ((u >> 16u) & 1u)) & 0xffff0000u;
  if ((rounded & 0x7fffffffu) < SMALLEST_DELTA) { return 0.0; }
  return bitcast<f32>(rounded);
}
`;

const device = /* wgsl */ `
alias T = f32;
fn bits(x: T) -> u32 { return bitcast<u32>(x); }
fn fromBits(x: u32) -> T { return bitcast<f32>(x); }
fn toFloat(x: T) -> f32 { return x; }
fn fromFloat(x: f32) -> T { return x; }
fn fused(a: T, b: T, c: T) -> T { return fma(a, b, c); }
fn product(a: T, b: T) -> T { return a * b; }
fn sum(a: T, b: T) -> T { return a + b; }
`;

/**
 * A fused multiply-add as in software floating point: 24-bit significands with bit 23 set, their product and the addend as
 * 64-bit integers with the leading bit at 60 or 61, the smaller one shifted right with a sticky last bit, one rounding to even.
 */
const integer = /* wgsl */ `${integers64}
alias T = u32;
fn bits(x: T) -> u32 { return x; }
fn fromBits(x: u32) -> T { return x; }
fn toFloat(x: T) -> f32 { return bitcast<f32>(x); }
fn fromFloat(x: f32) -> T { return bitcast<u32>(x); }

/** m · 2^e, with bit 23 of m set, or m = 0. */
struct Parts { m: u32, e: i32 }
fn split(x: u32) -> Parts {
  let raw = (x >> 23u) & 255u;
  let m = x & 0x7fffffu;
  if (raw != 0u) { return Parts(m | 0x800000u, i32(raw) - 150); }
  if (m == 0u) { return Parts(0u, 0); }
  let shift = countLeadingZeros(m) - 8u;
  return Parts(m << shift, -149 - i32(shift));
}

fn multiply24(a: u32, b: u32) -> vec2u {
  let middle = (a >> 12u) * (b & 0xfffu) + (a & 0xfffu) * (b >> 12u);
  let top = (a >> 12u) * (b >> 12u);
  let bottom = (a & 0xfffu) * (b & 0xfffu);
  let once = bottom + (middle << 12u);
  let low = once + (top << 24u);
  let carries = select(0u, 1u, once < bottom) + select(0u, 1u, low < once);
  return vec2u(low, (middle >> 20u) + (top >> 8u) + carries);
}
/** The f32 nearest to m · 2^e, ties to even; m != 0. */
fn rounded(sign: u32, m: vec2u, e: i32) -> u32 {
  let leading = select(31 - i32(countLeadingZeros(m.x)), 63 - i32(countLeadingZeros(m.y)), m.y != 0u);
  var lastExponent = max(leading + e - 23, -149);
  let shift = lastExponent - e;
  var kept = 0u;
  if (shift <= 0) {
    kept = m.x << u32(-shift);
  } else if (shift < 64) {
    kept = right64(m, u32(shift)).x;
    let rest = subtract64(m, left64(vec2u(kept, 0u), u32(shift)));
    let half = left64(vec2u(1u, 0u), u32(shift - 1));
    if (less64(half, rest) || (rest.x == half.x && rest.y == half.y && (kept & 1u) == 1u)) { kept += 1u; }
  }
  if (kept >= 0x1000000u) {
    kept >>= 1u;
    lastExponent += 1;
  }
  if (kept < 0x800000u) { return sign | kept; }
  let exponent = lastExponent + 150;
  if (exponent >= 255) { return sign | 0x7f800000u; }
  return sign | (u32(exponent) << 23u) | (kept & 0x7fffffu);
}

fn special(x: u32) -> bool { return (x & 0x7f800000u) == 0x7f800000u; }

fn fused(a: T, b: T, c: T) -> T {
  if (special(a) || special(b) || special(c)) {
    return bitcast<u32>(fma(bitcast<f32>(a), bitcast<f32>(b), bitcast<f32>(c)));
  }
  let productSign = (a ^ b) & 0x80000000u;
  let addendSign = c & 0x80000000u;
  let x = split(a);
  let y = split(b);
  let z = split(c);
  if (x.m == 0u || y.m == 0u) {
    if (z.m != 0u) { return c; }
    return productSign & addendSign;
  }
  var p = left64(multiply24(x.m, y.m), 14u);
  let pExponent = x.e + y.e - 14;
  if (z.m == 0u) { return rounded(productSign, p, pExponent); }
  var q = vec2u(0u, z.m << 6u);
  let qExponent = z.e - 38;
  let exponent = max(pExponent, qExponent);
  p = rightSticky64(p, u32(min(exponent - pExponent, 63)));
  q = rightSticky64(q, u32(min(exponent - qExponent, 63)));
  if (productSign == addendSign) { return rounded(productSign, add64(p, q), exponent); }
  if (p.x == q.x && p.y == q.y) { return 0u; }
  if (less64(p, q)) { return rounded(addendSign, subtract64(q, p), exponent); }
  return rounded(productSign, subtract64(p, q), exponent);
}
fn product(a: T, b: T) -> T { return fused(a, b, 0x80000000u); }
fn sum(a: T, b: T) -> T { return fused(a, 0x3f800000u, b); }
`;

/** WGSL of `T` and its operations. */
export function arithmetic(form: ArithmeticForm): string {
  return `${form === 'device' ? device : integer}${constants}${shared}`;
}
