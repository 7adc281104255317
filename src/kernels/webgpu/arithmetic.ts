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
  let shift = select(0u, countLeadingZeros(m) - 8u, raw == 0u);
  return Parts(select(m | 0x800000u, m << shift, raw == 0u), i32(max(raw, 1u)) - 150 - i32(shift));
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
  let zeros = select(countLeadingZeros(m.y), 32u + countLeadingZeros(m.x), m.y == 0u);
  let whole = left64(m, zeros);
  // The leading bit is bit 30 now; the last one stands for all that are lost. Of a normal number 24 bits are kept.
  var kept = (whole.y >> 1u) | select(0u, 1u, (whole.y & 1u) != 0u || whole.x != 0u);
  let exponent = e - i32(zeros) + 190;
  var shift = 7 + max(0, 1 - exponent);
  if (shift > 31) {
    kept = 1u;
    shift = 31;
  }
  let last = u32(shift);
  kept = (kept + (1u << (last - 1u)) - 1u + ((kept >> last) & 1u)) >> last;
  if (exponent > 254) { return sign | 0x7f800000u; }
  // A carry goes on to the next exponent.
  return sign | ((u32(max(exponent, 1) - 1) << 23u) + kept);
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
  let p = left64(multiply24(x.m, y.m), 14u);
  let q = vec2u(0u, z.m << 6u);
  let pExponent = x.e + y.e - 14;
  let qExponent = select(z.e - 38, pExponent, z.m == 0u);
  // The one of the smaller exponent is shifted.
  let distance = pExponent - qExponent;
  let moved = rightSticky64(select(p, q, distance >= 0), u32(min(abs(distance), 63)));
  let other = select(q, p, distance >= 0);
  // Where the signs differ the smaller one is taken away: -x is ~x + 1.
  let less = less64(moved, other);
  let small = select(other, moved, less);
  let large = select(moved, other, less);
  let differ = productSign != addendSign && z.m != 0u;
  let total = add64(large, select(small, add64(~small, vec2u(1u, 0u)), differ));
  if (total.x == 0u && total.y == 0u) { return 0u; }
  // The sign is that of the larger one.
  let productLarger = less != (distance < 0);
  return rounded(select(addendSign, productSign, productLarger || !differ), total, max(pExponent, qExponent));
}
fn product(a: T, b: T) -> T { return fused(a, b, 0x80000000u); }
fn sum(a: T, b: T) -> T { return fused(a, 0x3f800000u, b); }
`;

/** WGSL of `T` and its operations. */
export function arithmetic(form: ArithmeticForm): string {
  return `${form === 'device' ? device : integer}${constants}${shared}`;
}
