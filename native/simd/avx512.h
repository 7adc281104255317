// Vec for AVX-512 (F, VL, DQ, BW): 16 lanes, 32 registers. See portable.h for what each operation means.
#pragma once
#include <immintrin.h>

#include "../bf16.h"
#include "../constants.h"
#include "../layout.h"

namespace pff {
namespace {

constexpr int kLanes = 16;
constexpr int kRowsAtOnce = 8;  // 8 x 3 sums + 3 operands of 32 registers

struct Vec {
  __m512 x;
};

inline __mmask16 firstLanes(Index n) { return static_cast<__mmask16>(_cvtu32_mask16((1u << n) - 1u)); }

inline Vec zero() { return {_mm512_setzero_ps()}; }
inline Vec all(float s) { return {_mm512_set1_ps(s)}; }
inline Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline Vec loadFirst(const float* p, Index n) { return {_mm512_maskz_loadu_ps(firstLanes(n), p)}; }
inline void store(float* p, Vec a) { _mm512_storeu_ps(p, a.x); }
inline void stream(float* p, Vec a) { _mm512_stream_ps(p, a.x); }
inline void finishStreams() { _mm_sfence(); }
inline void storeFirst(float* p, Vec a, Index n) { _mm512_mask_storeu_ps(p, firstLanes(n), a.x); }
inline Vec keepFirst(Vec a, Index n) { return {_mm512_maskz_mov_ps(firstLanes(n), a.x)}; }
inline Vec add(Vec a, Vec b) { return {_mm512_add_ps(a.x, b.x)}; }
inline Vec mul(Vec a, Vec b) { return {_mm512_mul_ps(a.x, b.x)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.x, b.x, c.x)}; }
inline Vec relu(Vec a) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a.x, _mm512_setzero_ps(), _CMP_NLE_UQ), a.x)};
}
inline Vec gate(Vec value, Vec y) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(y.x, _mm512_setzero_ps(), _CMP_NLE_UQ), value.x)};
}
inline Vec pick(Vec a, Vec b, Vec x, Vec y) {
  return {_mm512_mask_mov_ps(x.x, _mm512_cmp_ps_mask(a.x, b.x, _CMP_LT_OQ), y.x)};
}
inline Vec dropSmallDelta(Vec a) {
  const __m512i magnitude = _mm512_and_si512(_mm512_castps_si512(a.x), _mm512_set1_epi32(0x7fffffff));
  return {_mm512_maskz_mov_ps(_mm512_cmpge_epi32_mask(magnitude, _mm512_set1_epi32(kSmallestDeltaBits)), a.x)};
}
inline Vec fmaMinus(Vec a, Vec b, Vec c) { return {_mm512_fmsub_ps(a.x, b.x, c.x)}; }
inline Vec larger(Vec a, Vec b) { return {_mm512_max_ps(b.x, a.x)}; }  // of a NaN and a number the second: a
inline Vec decay(Vec beta, Vec m) {
  const __mmask16 keep = _mm512_test_epi32_mask(_mm512_castps_si512(m.x), _mm512_set1_epi32(kMomentExponentBits));
  return {_mm512_maskz_mul_ps(keep, beta.x, m.x)};
}
inline Vec rsqrtGuess(Vec a) {
  const __m512i half = _mm512_srli_epi32(_mm512_castps_si512(a.x), 1);
  return {_mm512_castsi512_ps(_mm512_sub_epi32(_mm512_set1_epi32(static_cast<int>(kRsqrtMagic)), half))};
}

// bf16 as f32; see bf16.h
inline Vec roundToBf16(Vec a) {
  const __m512i bits = _mm512_castps_si512(a.x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  const __m512i rounded = _mm512_and_si512(up, _mm512_set1_epi32(static_cast<int>(0xffff0000u)));
  const __mmask16 isNan = _mm512_cmp_ps_mask(a.x, a.x, _CMP_UNORD_Q);
  const __m512i kept = _mm512_mask_mov_epi32(rounded, isNan, _mm512_set1_epi32(0x7fc00000));
  const __m512i magnitude = _mm512_and_si512(kept, _mm512_set1_epi32(0x7fffffff));
  const __mmask16 counts = _mm512_cmpge_epi32_mask(magnitude, _mm512_set1_epi32(kSmallestBf16Bits));
  return {_mm512_castsi512_ps(_mm512_maskz_mov_epi32(counts, kept))};
}

}  // namespace
}  // namespace pff
