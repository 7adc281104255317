// Vec in plain C++, for any CPU, and the meaning of each operation. Without a fused multiply-add in hardware it is computed
// in double, rounded to odd, which gives the same bits as fmaf and, unlike a call of fmaf, can be vectorised.
#pragma once
#include <cstdint>
#include <cstring>

#include "../bf16.h"
#include "../constants.h"
#include "../layout.h"

// Unrolling as for the other instruction sets would only make long code of this.
#define PFF_KEEP_LOOPS

namespace pff {
namespace {

constexpr int kLanes = 4;
constexpr int kRowsAtOnce = 4;

// The compilers' own vectors: whatever the CPU has for them, or plain code.
using Floats4 = float __attribute__((vector_size(16)));
using Doubles4 = double __attribute__((vector_size(32)));
using Words4 = uint64_t __attribute__((vector_size(32)));

struct Vec {
  Floats4 x;
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
inline Floats4 fusedMultiplyAdd(Floats4 a, Floats4 b, Floats4 c) {
#if defined(FP_FAST_FMAF) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  Floats4 r;
  for (int j = 0; j < kLanes; j++) r[j] = __builtin_fmaf(a[j], b[j], c[j]);
  return r;
#else
  const Doubles4 term = __builtin_convertvector(c, Doubles4);
  const Doubles4 product = __builtin_convertvector(a, Doubles4) * __builtin_convertvector(b, Doubles4);
  const Doubles4 sum = product + term;
  const Doubles4 rest = sum - product;
  const Doubles4 error = (product - (sum - rest)) + (term - rest);
  // Where the sum is inexact, finite and even, one step towards the true sum makes it odd. All in integers, because few
  // instruction sets without fma compare vectors of doubles well.
  const Words4 bits = (Words4)sum;
  const Words4 errorBits = (Words4)error;
  const Words4 size = errorBits << 1;
  const Words4 inexact = (size | -size) >> 63;
  const Words4 infinite = (((bits >> 52) & 0x7ff) + 1) >> 11;
  const Words4 step = inexact & ~bits & ~infinite & 1;
  const Words4 direction = 1 - 2 * ((bits ^ errorBits) >> 63);
  return __builtin_convertvector((Doubles4)(bits + (-step & direction)), Floats4);
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
// As store, to a whole vector's address and past the caches where that is possible; then finishStreams before others read it.
inline void stream(float* p, Vec a) { store(p, a); }
inline void finishStreams() {}
inline void storeFirst(float* p, Vec a, Index n) {
  for (Index j = 0; j < n && j < kLanes; j++) p[j] = a.x[j];
}
inline Vec keepFirst(Vec a, Index n) { PFF_EACH_LANE(j < n ? a.x[j] : 0.0f); }
inline Vec add(Vec a, Vec b) { return {a.x + b.x}; }
inline Vec mul(Vec a, Vec b) { return {a.x * b.x}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {fusedMultiplyAdd(a.x, b.x, c.x)}; }
// value where y is above 0 (or NaN), else 0
inline Vec gate(Vec value, Vec y) { PFF_EACH_LANE(y.x[j] <= 0.0f ? 0.0f : value.x[j]); }
inline Vec relu(Vec a) { return gate(a, a); }
// y where a is below b, else x
inline Vec pick(Vec a, Vec b, Vec x, Vec y) { PFF_EACH_LANE(a.x[j] < b.x[j] ? y.x[j] : x.x[j]); }
// 0 for a magnitude below 2^-40
inline Vec dropSmallDelta(Vec a) {
  PFF_EACH_LANE((bitsOf(a.x[j]) & 0x7fffffffu) >= static_cast<uint32_t>(kSmallestDeltaBits) ? a.x[j] : 0.0f);
}
// a · b - c
inline Vec fmaMinus(Vec a, Vec b, Vec c) { return {fusedMultiplyAdd(a.x, b.x, -c.x)}; }
// the larger of the two; a NaN in a stays
inline Vec larger(Vec a, Vec b) { PFF_EACH_LANE(a.x[j] < b.x[j] ? b.x[j] : a.x[j]); }
// beta · m, where an m below 2^-95 in magnitude counts as 0
inline Vec decay(Vec beta, Vec m) {
  PFF_EACH_LANE(beta.x[j] * ((bitsOf(m.x[j]) & static_cast<uint32_t>(kMomentExponentBits)) != 0 ? m.x[j] : 0.0f));
}
// the first guess of 1 / sqrt(-2 h)
inline Vec rsqrtGuess(Vec h) { PFF_EACH_LANE(floatOf(kRsqrtMagic - (bitsOf(h.x[j]) >> 1))); }

// bf16 as f32; see bf16.h
inline Vec roundToBf16(Vec a) { PFF_EACH_LANE(toBf16(a.x[j])); }

#undef PFF_EACH_LANE

}  // namespace
}  // namespace pff
