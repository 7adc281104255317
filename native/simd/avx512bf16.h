// Vec for AVX-512 with BF16: as avx512.h, and pairs of bf16 values multiplied at once.
#pragma once
#include "avx512.h"

#define PFF_BF16_PAIRS

namespace pff {
namespace {

// acc + x's upper value times w's upper one, rounded, and then + the lower values' product, rounded: VDPBF16PS takes the upper
// first, as two fused multiply-adds (Intel's Software Developer's Manual; checked on Zen 4). It would flush subnormal numbers;
// there are none, since no operand is below 2^-40.
inline Vec addPairProducts(Vec x, Vec w, Vec acc) {
  return {_mm512_dpbf16_ps(acc.x, (__m512bh)_mm512_castps_si512(x.x), (__m512bh)_mm512_castps_si512(w.x))};
}

// Rounded values of `upper` and `lower` in one word each; see bf16.h
inline Vec roundToPairs(Vec upper, Vec lower) {
  const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                              21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(upper.x, lower.x);
  const __m512i words = _mm512_permutexvar_epi16(interleave, halves);
  // The sign shifted out; 2^-40 in bf16, likewise.
  const __mmask32 counts =
      _mm512_cmpge_epu16_mask(_mm512_slli_epi16(words, 1), _mm512_set1_epi16(kSmallestBf16Bits >> 15));
  return {_mm512_castsi512_ps(_mm512_maskz_mov_epi16(counts, words))};
}

// Rounded values of `a` and then of `b`, neighbours in one word each, the first in the upper half.
inline Vec roundNeighbours(Vec a, Vec b) {
  const __m512i words = _mm512_rol_epi32((__m512i)_mm512_cvtne2ps_pbh(b.x, a.x), 16);
  const __mmask32 counts =
      _mm512_cmpge_epu16_mask(_mm512_slli_epi16(words, 1), _mm512_set1_epi16(kSmallestBf16Bits >> 15));
  return {_mm512_castsi512_ps(_mm512_maskz_mov_epi16(counts, words))};
}

// The four quarters of a vector, the second and the third in each other's place.
inline Vec swapMiddleQuarters(Vec a) { return {_mm512_shuffle_f32x4(a.x, a.x, _MM_SHUFFLE(3, 1, 2, 0))}; }
// The upper half only where it is wanted.
inline void storeHalves(float* lower, float* upper, Vec a) {
  _mm256_storeu_ps(lower, _mm512_castps512_ps256(a.x));
  if (upper) _mm256_storeu_ps(upper, _mm512_extractf32x8_ps(a.x, 1));
}

// Two rows of 8 values as pairs of neighbours, as 8 pairs of one value of each row, the first row's in the upper half.
inline void storeRowPairs(float* to, const float* first, const float* second) {
  const __m256i columns = _mm256_set_epi16(6, 14, 7, 15, 4, 12, 5, 13, 2, 10, 3, 11, 0, 8, 1, 9);
  const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first));
  const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(second));
  const __m256i rows = _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_permutexvar_epi16(columns, rows));
}

}  // namespace
}  // namespace pff
