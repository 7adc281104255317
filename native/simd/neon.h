// Vec for 64-bit ARM (NEON): 4 lanes, 32 registers. See portable.h for what each operation means.
#pragma once
#include <arm_neon.h>

#include "../bf16.h"
#include "../constants.h"
#include "../layout.h"

namespace pff {
namespace {

constexpr int kLanes = 4;
constexpr int kRowsAtOnce = 8;  // 8 x 3 sums + 3 operands + broadcasts of 32 registers

struct Vec {
  float32x4_t x;
};

inline uint32x4_t firstLanes(Index n) {
  const uint32_t index[4] = {0, 1, 2, 3};
  return vcltq_u32(vld1q_u32(index), vdupq_n_u32(static_cast<uint32_t>(n)));
}
inline float32x4_t masked(float32x4_t a, uint32x4_t keep) {
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), keep));
}

inline Vec zero() { return {vdupq_n_f32(0)}; }
inline Vec all(float s) { return {vdupq_n_f32(s)}; }
inline Vec load(const float* p) { return {vld1q_f32(p)}; }
inline Vec loadFirst(const float* p, Index n) {
  float lanes[4] = {0, 0, 0, 0};
  for (Index j = 0; j < n && j < 4; j++) lanes[j] = p[j];
  return {vld1q_f32(lanes)};
}
inline void store(float* p, Vec a) { vst1q_f32(p, a.x); }
inline void stream(float* p, Vec a) { store(p, a); }
inline void finishStreams() {}
inline void storeFirst(float* p, Vec a, Index n) {
  float lanes[4];
  vst1q_f32(lanes, a.x);
  for (Index j = 0; j < n && j < 4; j++) p[j] = lanes[j];
}
inline Vec keepFirst(Vec a, Index n) { return {masked(a.x, firstLanes(n))}; }
inline Vec add(Vec a, Vec b) { return {vaddq_f32(a.x, b.x)}; }
inline Vec mul(Vec a, Vec b) { return {vmulq_f32(a.x, b.x)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {vfmaq_f32(c.x, a.x, b.x)}; }
inline Vec gate(Vec value, Vec y) { return {masked(value.x, vmvnq_u32(vcleq_f32(y.x, vdupq_n_f32(0))))}; }
inline Vec relu(Vec a) { return gate(a, a); }
inline Vec pick(Vec a, Vec b, Vec x, Vec y) { return {vbslq_f32(vcltq_f32(a.x, b.x), y.x, x.x)}; }
inline Vec dropSmallDelta(Vec a) {
  const uint32x4_t magnitude = vandq_u32(vreinterpretq_u32_f32(a.x), vdupq_n_u32(0x7fffffffu));
  return {masked(a.x, vcgeq_u32(magnitude, vdupq_n_u32(kSmallestDeltaBits)))};
}
inline Vec fmaMinus(Vec a, Vec b, Vec c) { return {vfmaq_f32(vnegq_f32(c.x), a.x, b.x)}; }
inline Vec larger(Vec a, Vec b) { return {vmaxq_f32(a.x, b.x)}; }
inline Vec decay(Vec beta, Vec m) {
  const uint32x4_t keep = vtstq_u32(vreinterpretq_u32_f32(m.x), vdupq_n_u32(kMomentExponentBits));
  return {vmulq_f32(beta.x, masked(m.x, keep))};
}
inline Vec rsqrtGuess(Vec a) {
  const uint32x4_t half = vshrq_n_u32(vreinterpretq_u32_f32(a.x), 1);
  return {vreinterpretq_f32_u32(vsubq_u32(vdupq_n_u32(kRsqrtMagic), half))};
}

inline Vec roundToBf16(Vec a) {
  const uint32x4_t bits = vreinterpretq_u32_f32(a.x);
  const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  const uint32x4_t up = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fffu)), odd);
  const uint32x4_t rounded = vandq_u32(up, vdupq_n_u32(0xffff0000u));
  const uint32x4_t kept = vbslq_u32(vceqq_f32(a.x, a.x), rounded, vdupq_n_u32(0x7fc00000u));
  const uint32x4_t magnitude = vandq_u32(kept, vdupq_n_u32(0x7fffffffu));
  return {vreinterpretq_f32_u32(vandq_u32(kept, vcgeq_u32(magnitude, vdupq_n_u32(kSmallestBf16Bits))))};
}

}  // namespace
}  // namespace pff
