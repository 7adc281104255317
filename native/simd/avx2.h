// Vec for AVX2 with FMA: 8 lanes, 16 registers. See portable.h for what each operation means.
#pragma once
#include <immintrin.h>

#include "../bf16.h"
#include "../constants.h"
#include "../layout.h"

namespace pff {
namespace {

constexpr int kLanes = 8;
constexpr int kRowsAtOnce = 4;  // 4 x 3 sums + 3 operands + 1 broadcast of 16 registers

struct Vec {
  __m256 x;
};

inline __m256i firstLanes(Index n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline Vec zero() { return {_mm256_setzero_ps()}; }
inline Vec all(float s) { return {_mm256_set1_ps(s)}; }
inline Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
inline Vec loadFirst(const float* p, Index n) { return {_mm256_maskload_ps(p, firstLanes(n))}; }
inline void store(float* p, Vec a) { _mm256_storeu_ps(p, a.x); }
inline void stream(float* p, Vec a) { _mm256_stream_ps(p, a.x); }
inline void finishStreams() { _mm_sfence(); }
inline void storeFirst(float* p, Vec a, Index n) { _mm256_maskstore_ps(p, firstLanes(n), a.x); }
inline Vec keepFirst(Vec a, Index n) { return {_mm256_and_ps(a.x, _mm256_castsi256_ps(firstLanes(n)))}; }
inline Vec add(Vec a, Vec b) { return {_mm256_add_ps(a.x, b.x)}; }
inline Vec mul(Vec a, Vec b) { return {_mm256_mul_ps(a.x, b.x)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.x, b.x, c.x)}; }
inline Vec gate(Vec value, Vec y) {
  return {_mm256_and_ps(value.x, _mm256_cmp_ps(y.x, _mm256_setzero_ps(), _CMP_NLE_UQ))};
}
inline Vec relu(Vec a) { return gate(a, a); }
inline Vec pick(Vec a, Vec b, Vec x, Vec y) { return {_mm256_blendv_ps(x.x, y.x, _mm256_cmp_ps(a.x, b.x, _CMP_LT_OQ))}; }
inline Vec dropSmallDelta(Vec a) {
  const __m256i magnitude = _mm256_and_si256(_mm256_castps_si256(a.x), _mm256_set1_epi32(0x7fffffff));
  const __m256i keep = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(kSmallestDeltaBits - 1));
  return {_mm256_and_ps(a.x, _mm256_castsi256_ps(keep))};
}
inline Vec fmaMinus(Vec a, Vec b, Vec c) { return {_mm256_fmsub_ps(a.x, b.x, c.x)}; }
inline Vec larger(Vec a, Vec b) { return {_mm256_max_ps(b.x, a.x)}; }  // of a NaN and a number the second: a
inline Vec decay(Vec beta, Vec m) {
  const __m256i exponent = _mm256_and_si256(_mm256_castps_si256(m.x), _mm256_set1_epi32(kMomentExponentBits));
  const __m256i drop = _mm256_cmpeq_epi32(exponent, _mm256_setzero_si256());
  return {_mm256_mul_ps(beta.x, _mm256_andnot_ps(_mm256_castsi256_ps(drop), m.x))};
}
inline Vec rsqrtGuess(Vec a) {
  const __m256i half = _mm256_srli_epi32(_mm256_castps_si256(a.x), 1);
  return {_mm256_castsi256_ps(_mm256_sub_epi32(_mm256_set1_epi32(static_cast<int>(kRsqrtMagic)), half))};
}

inline Vec roundToBf16(Vec a) {
  const __m256i bits = _mm256_castps_si256(a.x);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256 rounded = _mm256_castsi256_ps(_mm256_and_si256(up, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  const __m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
  const __m256 kept = _mm256_blendv_ps(rounded, nan, _mm256_cmp_ps(a.x, a.x, _CMP_UNORD_Q));
  const __m256i magnitude = _mm256_and_si256(_mm256_castps_si256(kept), _mm256_set1_epi32(0x7fffffff));
  const __m256i counts = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(kSmallestBf16Bits - 1));
  return {_mm256_and_ps(kept, _mm256_castsi256_ps(counts))};
}

}  // namespace
}  // namespace pff
