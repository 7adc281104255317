// Rounding to bf16 (the upper 16 bits of an f32), one value at a time: the meaning of roundToBf16 in simd/.
#pragma once
#include <cstdint>
#include <cstring>

namespace pff {

constexpr int32_t kSmallestBf16Bits = (127 - 40) << 23;  // 2^-40; a smaller value counts as 0

static inline uint32_t bf16Bits(float a) {
  uint32_t bits;
  std::memcpy(&bits, &a, sizeof bits);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
  const uint32_t kept = (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : rounded;  // a NaN stays one
  return (kept & 0x7fffffffu) < static_cast<uint32_t>(kSmallestBf16Bits) ? 0u : kept;
}

static inline float toBf16(float a) {
  const uint32_t bits = bf16Bits(a);
  float rounded;
  std::memcpy(&rounded, &bits, sizeof rounded);
  return rounded;
}

}  // namespace pff
