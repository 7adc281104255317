// Constants of the numeric rules (src/kernels/kernels.ts, src/kernels/block/contract.ts).
#pragma once
#include <cstdint>

namespace pff {

constexpr int32_t kSmallestDeltaBits = (127 - 40) << 23;  // 2^-40
constexpr int32_t kMomentExponentBits = 0x70000000;       // none of them is set below 2^-95
constexpr float kSmallestMoment2 = 0x1p-95f;
constexpr uint32_t kRsqrtMagic = 0x9ef76880u;
constexpr float kRsqrtFirst = 1.50088f;
constexpr float kRsqrtSecond = 1.5000006f;
constexpr float kNormaliseEpsilon = 1e-12f;
constexpr float kVarianceEpsilon = 1e-5f;

}  // namespace pff
