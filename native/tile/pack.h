// Operands of tile products: bf16 values in pairs of terms, the earlier one in a word's lower half, rounded as bf16.h says.
// A batch lies as [block of 32 samples][block of 32 inputs][2][16 samples][16 pairs of inputs] for the forward pass, and as
// [block of 32 inputs][block of 32 samples][2][16 inputs][16 pairs of samples] for the gradient; padding is zero.
#pragma once
#include "../kernels/panels.h"
#include "session.h"

namespace pff {
namespace {

// 0 for a value below 2^-40.
inline __m512i dropSmallHalves(__m512i words) {
  const __mmask32 counts =
      _mm512_cmpge_epu16_mask(_mm512_slli_epi16(words, 1), _mm512_set1_epi16(kSmallestBf16Bits >> 15));
  return _mm512_maskz_mov_epi16(counts, words);
}

// 32 values in a row as 16 pairs.
inline __m512i pairsOfRow(__m512 first, __m512 second) {
  return dropSmallHalves((__m512i)_mm512_cvtne2ps_pbh(second, first));
}

// Values of two rows as pairs, one in each word.
inline __m512i pairsOfRows(__m512 first, __m512 second) {
  const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                              21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(interleave, pairsOfRow(first, second));
}

inline void transpose16(__m512i (&r)[16]) {
  __m512i t[16];
  PFF_UNROLL
  for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  // Four rows together: r[4 q + j] has column j of each 128-bit lane.
  PFF_UNROLL
  for (int q = 0; q < 4; q++) {
    r[4 * q] = _mm512_unpacklo_epi64(t[4 * q], t[4 * q + 2]);
    r[4 * q + 1] = _mm512_unpackhi_epi64(t[4 * q], t[4 * q + 2]);
    r[4 * q + 2] = _mm512_unpacklo_epi64(t[4 * q + 1], t[4 * q + 3]);
    r[4 * q + 3] = _mm512_unpackhi_epi64(t[4 * q + 1], t[4 * q + 3]);
  }
  PFF_UNROLL
  for (int j = 0; j < 4; j++) {
    const __m512i a = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x88);       // lanes 0 and 2
    const __m512i b = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xdd);       // 1 and 3
    const __m512i c = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x88);
    const __m512i d = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xdd);
    t[j] = _mm512_shuffle_i32x4(a, c, 0x88);
    t[4 + j] = _mm512_shuffle_i32x4(b, d, 0x88);
    t[8 + j] = _mm512_shuffle_i32x4(a, c, 0xdd);
    t[12 + j] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
  PFF_UNROLL
  for (int i = 0; i < 16; i++) r[i] = t[i];
}

// Values p … p + 15 of a row of `width`; 0 past its end, or if there is no row.
inline __m512 loadInputs(const float* row, Index p, Index width) {
  const Index left = row ? width - p : 0;
  if (left >= kLanes) return _mm512_loadu_ps(row + p);
  return left > 0 ? loadFirst(row + p, left).x : _mm512_setzero_ps();
}

// Blocks of 32 samples.
void packTiles(const PackJob& job, Index first, Index last) {
  const Index inputBlocks = blocksOf(job.width, kTileBlock);
  const Index sampleBlocks = blocksOf(job.samples, kTileBlock);
  for (Index block = first; block < last; block++) {
    const float* from[kTileBlock] = {};
    for (Index i = 0; i < kTileBlock && block * kTileBlock + i < job.samples; i++) {
      const Index b = block * kTileBlock + i;
      from[i] = job.prefix + (job.rows ? static_cast<Index>(job.rows[job.first + b]) : job.first + b) * job.width;
    }
    for (Index k = 0; k < inputBlocks; k++) {
      const Index p = k * kTileBlock;
      float* to = job.x ? job.x + (block * inputBlocks + k) * 2 * kTileWords : nullptr;
      for (Index i = 0; to && i < kTileBlock; i++)
        _mm512_storeu_si512(to + i * kTileRows, pairsOfRow(loadInputs(from[i], p, job.width),
                                                           loadInputs(from[i], p + kTileRows, job.width)));
      if (!job.xGradient) continue;
      float* toGradient = job.xGradient + (k * sampleBlocks + block) * 2 * kTileWords;
      for (Index half = 0; half < 2; half++, toGradient += kTileWords) {
        const Index at = p + half * kTileRows;
        __m512i words[kTileRows];
        PFF_UNROLL
        for (int i = 0; i < kTileRows; i++)
          words[i] = pairsOfRows(loadInputs(from[2 * i], at, job.width), loadInputs(from[2 * i + 1], at, job.width));
        transpose16(words);
        PFF_UNROLL
        for (int i = 0; i < kTileRows; i++) _mm512_storeu_si512(toGradient + i * kTileRows, words[i]);
      }
    }
  }
}

// [ceil(rows / 2)][N vectors] pairs from `rows` rows of N vectors; both may begin at the same place.
template <int N>
inline void storePairs(float* to, const float* from, Index rows, bool streams) {
  constexpr Index kWidth = N * kLanes;
  for (Index i = 0; i < rows; i += 2, from += 2 * kWidth, to += kWidth) {
    PFF_UNROLL
    for (int n = 0; n < N; n++) {
      const __m512 second = i + 1 < rows ? load(from + kWidth + n * kLanes).x : _mm512_setzero_ps();
      const Vec pairs{_mm512_castsi512_ps(pairsOfRows(load(from + n * kLanes).x, second))};
      if (streams) {
        stream(to + n * kLanes, pairs);
      } else {
        store(to + n * kLanes, pairs);
      }
    }
  }
}

struct PairPanel {
  const Layer& layer;
  Index prefix;
  Index start;

  template <int N>
  void run() const {
    storePairs<N>(layer.operand + start * layer.operandRows, layer.w + start * layer.inputs, prefix, false);
  }
};

void roundWeightsToTiles(const Layer& layer, Index prefix, Index first, Index last) {
  for (Index panel = first; panel < last; panel++) {
    PairPanel one{layer, prefix, panelStart(panel)};
    withPanelVecs(panelOutputs(panel, layer.outputs), one);
  }
}

}  // namespace
}  // namespace pff
