// Vec in plain C++, for any CPU, and the meaning of each operation. Without a fused multiply-add in hardware it is computed
// in double, rounded to odd, which gives the same bits as fmaf and, unlike a call of fmaf, can be vectorised.
#pragma once
#include <cstdint>
#include <cstring>

#include "../jobs.h"

// Unrolling as for the other instruction sets would only make long code of this.
#define PFF_KEEP_LOOPS

namespace pff {
namespace {

constexpr int kLanes = 4;
constexpr int kRowsAtOnce = 4;

struct Vec {
  float x[kLanes];
};

inline uint32_t bitsOf(float a) {
  uint32_t bits;
  std::memcpy(&bits, &a, sizeof bits);
  return bits;
}
inline float floatOf(uint32_t bits) {
  float a;
  std::memcpy(&a, &bits, sizeof a);
  return a;
}

// a · b + c, rounded once. The product of two floats is exact in double; the sum is rounded to odd (Boldo & Melquiond,
// "Emulation of a FMA and correctly rounded sums", 2008), so that the second rounding, to float, cannot go wrong.
inline float fusedMultiplyAdd(float a, float b, float c) {
#if defined(FP_FAST_FMAF) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return __builtin_fmaf(a, b, c);
#else
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const double sum = product + static_cast<double>(c);
  const double rest = sum - product;
  const double error = (product - (sum - rest)) + (static_cast<double>(c) - rest);
  int64_t bits;
  std::memcpy(&bits, &sum, sizeof bits);
  const bool inexact = (error > 0) | (error < 0);
  const int64_t away = (error > 0) == (sum > 0) ? 1 : -1;
  bits += (inexact & ((bits & 1) == 0)) ? away : 0;
  double odd;
  std::memcpy(&odd, &bits, sizeof odd);
  return static_cast<float>(odd);
#endif
}

#define PFF_EACH_LANE(expression)                    \
  Vec r;                                             \
  for (int j = 0; j < kLanes; j++) r.x[j] = (expression); \
  return r

inline Vec zero() { PFF_EACH_LANE(0.0f); }
// s in every lane
inline Vec all(float s) { PFF_EACH_LANE(s); }
// kLanes values; only the first n of them, 0 for the rest
inline Vec load(const float* p) { PFF_EACH_LANE(p[j]); }
inline Vec loadFirst(const float* p, Index n) { PFF_EACH_LANE(j < n ? p[j] : 0.0f); }
inline void store(float* p, Vec a) {
  for (int j = 0; j < kLanes; j++) p[j] = a.x[j];
}
inline void storeFirst(float* p, Vec a, Index n) {
  for (Index j = 0; j < n && j < kLanes; j++) p[j] = a.x[j];
}
inline Vec keepFirst(Vec a, Index n) { PFF_EACH_LANE(j < n ? a.x[j] : 0.0f); }
inline Vec add(Vec a, Vec b) { PFF_EACH_LANE(a.x[j] + b.x[j]); }
inline Vec mul(Vec a, Vec b) { PFF_EACH_LANE(a.x[j] * b.x[j]); }
inline Vec fma(Vec a, Vec b, Vec c) { PFF_EACH_LANE(fusedMultiplyAdd(a.x[j], b.x[j], c.x[j])); }
// value where y is above 0 (or NaN), else 0
inline Vec gate(Vec value, Vec y) { PFF_EACH_LANE(y.x[j] <= 0.0f ? 0.0f : value.x[j]); }
inline Vec relu(Vec a) { return gate(a, a); }
// 0 for a magnitude below 2^-40
inline Vec dropSmallDelta(Vec a) {
  PFF_EACH_LANE((bitsOf(a.x[j]) & 0x7fffffffu) >= static_cast<uint32_t>(kSmallestDeltaBits) ? a.x[j] : 0.0f);
}
// a · b - c
inline Vec fmaMinus(Vec a, Vec b, Vec c) { PFF_EACH_LANE(fusedMultiplyAdd(a.x[j], b.x[j], -c.x[j])); }
// the larger of the two; a NaN in a stays
inline Vec larger(Vec a, Vec b) { PFF_EACH_LANE(a.x[j] < b.x[j] ? b.x[j] : a.x[j]); }
// beta · m, where an m below 2^-95 in magnitude counts as 0
inline Vec decay(Vec beta, Vec m) {
  PFF_EACH_LANE(beta.x[j] * ((bitsOf(m.x[j]) & static_cast<uint32_t>(kMomentExponentBits)) != 0 ? m.x[j] : 0.0f));
}
// the first guess of 1 / sqrt(-2 h)
inline Vec rsqrtGuess(Vec h) { PFF_EACH_LANE(floatOf(kRsqrtMagic - (bitsOf(h.x[j]) >> 1))); }

#undef PFF_EACH_LANE

}  // namespace
}  // namespace pff
