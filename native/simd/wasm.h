// Vec for WebAssembly's 128-bit SIMD: 4 lanes. See portable.h for what each operation means. Two builds: with relaxed SIMD, whose
// multiply-add is one instruction where the CPU fuses (src/kernels/wasm/ tries it before it is used), and with an exact fused
// multiply-add in software, the same bits on any machine.
#pragma once
#include <wasm_simd128.h>

#include "../bf16.h"
#include "../constants.h"
#include "../layout.h"

namespace pff {
namespace {

constexpr int kLanes = 4;
constexpr int kRowsAtOnce = 4;

struct Vec {
  v128_t x;
};

inline v128_t firstLanes(Index n) {
  return wasm_i32x4_gt(wasm_i32x4_splat(static_cast<int32_t>(n)), wasm_i32x4_const(0, 1, 2, 3));
}

#if defined(__wasm_relaxed_simd__)
inline v128_t fused(v128_t a, v128_t b, v128_t c) { return wasm_f32x4_relaxed_madd(a, b, c); }
#else
// Two lanes of a · b + c in double, rounded to odd, so that the second rounding, to float, cannot go wrong (see portable.h).
inline v128_t sumToOdd(v128_t product, v128_t term) {
  const v128_t sum = wasm_f64x2_add(product, term);
  const v128_t rest = wasm_f64x2_sub(sum, product);
  const v128_t error =
      wasm_f64x2_add(wasm_f64x2_sub(product, wasm_f64x2_sub(sum, rest)), wasm_f64x2_sub(term, rest));
  // False for a NaN, which is what the error of an infinite sum is.
  const v128_t inexact = wasm_f64x2_gt(wasm_f64x2_abs(error), wasm_f64x2_const_splat(0.0));
  // One step towards the truth makes an even sum odd: towards zero where the error has the other sign, else away from it.
  const v128_t other = wasm_u64x2_shr(wasm_v128_xor(sum, error), 63);
  const v128_t back = wasm_v128_and(wasm_v128_andnot(other, sum), inexact);
  return wasm_v128_or(wasm_i64x2_sub(sum, back), wasm_v128_and(inexact, wasm_i64x2_const_splat(1)));
}

inline v128_t upperHalf(v128_t a) { return wasm_i64x2_shuffle(a, a, 1, 1); }
inline v128_t bothHalves(v128_t low, v128_t high) {
  return wasm_i64x2_shuffle(wasm_f32x4_demote_f64x2_zero(low), wasm_f32x4_demote_f64x2_zero(high), 0, 2);
}

__attribute__((noinline)) v128_t fusedByOdd(v128_t a, v128_t b, v128_t c) {
  const auto half = [](v128_t a, v128_t b, v128_t c) {
    const v128_t product = wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(a), wasm_f64x2_promote_low_f32x4(b));
    return sumToOdd(product, wasm_f64x2_promote_low_f32x4(c));
  };
  return bothHalves(half(a, b, c), half(upperHalf(a), upperHalf(b), upperHalf(c)));
}

// The sum in double, rounded again to float, is right but where it lies in the middle between two floats: as those of normal numbers
// have it (half of the 29 bits that a double has more), or among subnormal numbers, where anything may be a middle, up to the least normal
// one, to which a middle may have been rounded.
inline v128_t fused(v128_t a, v128_t b, v128_t c) {
  const v128_t low = wasm_f64x2_add(
      wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(a), wasm_f64x2_promote_low_f32x4(b)), wasm_f64x2_promote_low_f32x4(c));
  const v128_t high = wasm_f64x2_add(wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(upperHalf(a)),
                                                    wasm_f64x2_promote_low_f32x4(upperHalf(b))),
                                     wasm_f64x2_promote_low_f32x4(upperHalf(c)));
  const v128_t more = wasm_i64x2_const_splat(0x1fffffff);
  const v128_t half = wasm_i64x2_const_splat(0x10000000);
  const v128_t result = bothHalves(low, high);
  const v128_t middle = wasm_v128_or(wasm_i64x2_eq(wasm_v128_and(low, more), half),
                                     wasm_i64x2_eq(wasm_v128_and(high, more), half));
  const v128_t small = wasm_f32x4_le(wasm_f32x4_abs(result), wasm_f32x4_const_splat(0x1p-126f));
  if (__builtin_expect(!wasm_v128_any_true(wasm_v128_or(middle, small)), 1)) return result;
  // A sum of 0 is exact: the product is, and it and the term are then opposites. Frequent: units that are off.
  const v128_t zeros = wasm_i64x2_shuffle(wasm_f32x4_demote_f64x2_zero(wasm_f64x2_eq(low, wasm_f64x2_const_splat(0.0))),
                                          wasm_f32x4_demote_f64x2_zero(wasm_f64x2_eq(high, wasm_f64x2_const_splat(0.0))), 0, 2);
  if (!wasm_v128_any_true(wasm_v128_or(middle, wasm_v128_andnot(small, zeros)))) return result;
  return fusedByOdd(a, b, c);
}
#define PFF_SOFTWARE_FMA
#endif

inline Vec zero() { return {wasm_f32x4_const_splat(0.0f)}; }
inline Vec all(float s) { return {wasm_f32x4_splat(s)}; }
inline Vec load(const float* p) { return {wasm_v128_load(p)}; }
inline Vec loadFirst(const float* p, Index n) {
  float lanes[4] = {0, 0, 0, 0};
  for (Index j = 0; j < n && j < 4; j++) lanes[j] = p[j];
  return {wasm_v128_load(lanes)};
}
inline void store(float* p, Vec a) { wasm_v128_store(p, a.x); }
inline void stream(float* p, Vec a) { store(p, a); }
inline void finishStreams() {}
inline void storeFirst(float* p, Vec a, Index n) {
  float lanes[4];
  wasm_v128_store(lanes, a.x);
  for (Index j = 0; j < n && j < 4; j++) p[j] = lanes[j];
}
inline Vec keepFirst(Vec a, Index n) { return {wasm_v128_and(a.x, firstLanes(n))}; }
inline Vec add(Vec a, Vec b) { return {wasm_f32x4_add(a.x, b.x)}; }
inline Vec mul(Vec a, Vec b) { return {wasm_f32x4_mul(a.x, b.x)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {fused(a.x, b.x, c.x)}; }
#if defined(PFF_SOFTWARE_FMA)
// The same where the product is exact in f32, as that of two bf16 values is (bf16.h has the smallest): then the sum is what is rounded. A product
// that is too large for f32 shows in the sum, which is not finite.
inline Vec addExactProduct(Vec a, Vec b, Vec c) {
  const v128_t sum = wasm_f32x4_add(wasm_f32x4_mul(a.x, b.x), c.x);
  const v128_t rest = wasm_f32x4_sub(sum, sum);  // 0, or NaN
  if (__builtin_expect(wasm_v128_any_true(wasm_f32x4_ne(rest, rest)), 0)) return fma(a, b, c);
  return {sum};
}
#endif
inline Vec gate(Vec value, Vec y) {
  return {wasm_v128_andnot(value.x, wasm_f32x4_le(y.x, wasm_f32x4_const_splat(0.0f)))};
}
inline Vec relu(Vec a) { return gate(a, a); }
inline Vec pick(Vec a, Vec b, Vec x, Vec y) { return {wasm_v128_bitselect(y.x, x.x, wasm_f32x4_lt(a.x, b.x))}; }
inline Vec dropSmallDelta(Vec a) {
  const v128_t magnitude = wasm_v128_and(a.x, wasm_i32x4_const_splat(0x7fffffff));
  return {wasm_v128_and(a.x, wasm_i32x4_ge(magnitude, wasm_i32x4_const_splat(kSmallestDeltaBits)))};
}
inline Vec fmaMinus(Vec a, Vec b, Vec c) { return {fused(a.x, b.x, wasm_f32x4_neg(c.x))}; }
inline Vec larger(Vec a, Vec b) { return {wasm_f32x4_pmax(a.x, b.x)}; }  // a < b ? b : a
inline Vec decay(Vec beta, Vec m) {
  const v128_t exponent = wasm_v128_and(m.x, wasm_i32x4_const_splat(kMomentExponentBits));
  const v128_t drop = wasm_i32x4_eq(exponent, wasm_i32x4_const_splat(0));
  return {wasm_f32x4_mul(beta.x, wasm_v128_andnot(m.x, drop))};
}
inline Vec rsqrtGuess(Vec a) {
  return {wasm_i32x4_sub(wasm_i32x4_const_splat(static_cast<int32_t>(kRsqrtMagic)), wasm_u32x4_shr(a.x, 1))};
}

inline Vec roundToBf16(Vec a) {
  const v128_t odd = wasm_v128_and(wasm_u32x4_shr(a.x, 16), wasm_i32x4_const_splat(1));
  const v128_t up = wasm_i32x4_add(wasm_i32x4_add(a.x, wasm_i32x4_const_splat(0x7fff)), odd);
  const v128_t rounded = wasm_v128_and(up, wasm_i32x4_const_splat(static_cast<int32_t>(0xffff0000u)));
  const v128_t kept = wasm_v128_bitselect(rounded, wasm_i32x4_const_splat(0x7fc00000), wasm_f32x4_eq(a.x, a.x));
  const v128_t magnitude = wasm_v128_and(kept, wasm_i32x4_const_splat(0x7fffffff));
  return {wasm_v128_and(kept, wasm_i32x4_ge(magnitude, wasm_i32x4_const_splat(kSmallestBf16Bits)))};
}

}  // namespace
}  // namespace pff
