// Rules 2 and 3: the sum of squares of a row in its fixed order, and rows scaled to unit length.
#pragma once
#include "panels.h"

namespace pff {
namespace {

constexpr Index kSumVecs = kSumLanes / kLanes;

inline float foldRow(const float* lanes) {
  float sums[kSumLanes];
  for (Index j = 0; j < kSumLanes; j++) sums[j] = lanes[j];
  for (Index half = kSumLanes / 2; half > 0; half /= 2)
    for (Index j = 0; j < half; j++) sums[j] = sums[j] + sums[j + half];
  return sums[0];
}

void foldLanes(const float* lanes, Index first, Index last, float* sums) {
  for (Index r = first; r < last; r++) sums[r] = foldRow(lanes + r * kSumLanes);
}

// Several rows at a time: the chain of one row alone would wait for each multiply-add.
template <Index ROWS>
inline void sumRowsTogether(const float* y, Index outputs, float* sums) {
  Vec lanes[ROWS][kSumVecs];
  for (Index i = 0; i < ROWS; i++)
    for (Index n = 0; n < kSumVecs; n++) lanes[i][n] = zero();
  Index o = 0;
  for (; o + kSumLanes <= outputs; o += kSumLanes) {
    PFF_UNROLL
    for (Index i = 0; i < ROWS; i++) {
      PFF_UNROLL
      for (Index n = 0; n < kSumVecs; n++) {
        const Vec v = load(y + i * outputs + o + n * kLanes);
        lanes[i][n] = fma(v, v, lanes[i][n]);
      }
    }
  }
  for (Index i = 0; i < ROWS; i++) {
    for (Index n = 0; n < kSumVecs; n++) {
      const Index left = outputs - o - n * kLanes;
      if (left <= 0) break;
      const Vec v = loadFirst(y + i * outputs + o + n * kLanes, left < kLanes ? left : kLanes);
      lanes[i][n] = fma(v, v, lanes[i][n]);
    }
    float sums16[kSumLanes];
    for (Index n = 0; n < kSumVecs; n++) store(sums16 + n * kLanes, lanes[i][n]);
    sums[i] = foldRow(sums16);
  }
}

void sumRows(const float* y, Index outputs, Index first, Index last, float* sums) {
  Index r = first;
  for (; r + 4 <= last; r += 4) sumRowsTogether<4>(y + r * outputs, outputs, sums + r);
  for (; r < last; r++) sumRowsTogether<1>(y + r * outputs, outputs, sums + r);
}

void normaliseRows(float* y, Index outputs, const float* sums, Index first, Index last) {
  for (Index r = first; r < last; r++) {
    const float inverse = 1.0f / __builtin_sqrtf(sums[r] + kNormaliseEpsilon);
    const Vec scale = all(inverse);
    float* row = y + r * outputs;
    Index o = 0;
    for (; o + kLanes <= outputs; o += kLanes) store(row + o, mul(load(row + o), scale));
    if (o < outputs) storeFirst(row + o, mul(loadFirst(row + o, outputs - o), scale), outputs - o);
  }
}

}  // namespace
}  // namespace pff
