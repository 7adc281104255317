// Gathers the rows of a batch into tiles of 8 samples by 8 inputs, the one form that both forward and gradient read: the
// forward pass walks along a row of tiles, the gradient down a column, and each finds what it broadcasts side by side.
// Where pairs are multiplied there is one form for each: pairs of inputs, and pairs of samples.
#pragma once
#include <cstring>

#include "products.h"

namespace pff {
namespace {

inline void packTile(const float* const* from, Index samples, Index at, Index inputs, float* to) {
  if (inputs < kBlock || samples < kBlock) std::memset(to, 0, kTile * sizeof(float));
  for (Index i = 0; i < samples; i++) {
    if (inputs == kBlock) {
      std::memcpy(to + i * kBlock, from[i] + at, kBlock * sizeof(float));
    } else {
      std::memcpy(to + i * kBlock, from[i] + at, static_cast<size_t>(inputs) * sizeof(float));
    }
  }
}

// A tile of bf16 values held as f32.
inline void packRoundedTile(const float* const* from, Index samples, Index at, Index inputs, float* to) {
  packTile(from, samples, at, inputs, to);
  for (Index j = 0; j < kTile; j += kLanes) store(to + j, roundToBf16(load(to + j)));
}

#if defined(PFF_BF16_PAIRS)
// Two tiles side by side in the forms that are wanted: rows of up to 16 inputs, rounded on their way.
inline void packPairTiles(const float* const* from, Index samples, Index at, Index inputs, float* to, float* toGradient) {
  static_assert(kLanes == 2 * kBlock);
  constexpr Index kWords = kTile / 2;
  const bool both = inputs > kBlock;
  const auto row = [&](Index i) {
    if (i >= samples) return zero();
    return inputs == kLanes ? load(from[i] + at) : loadFirst(from[i] + at, inputs);
  };
  PFF_UNROLL
  for (Index i = 0; i < kBlock; i += 2) {
    const Vec first = row(i);
    const Vec second = row(i + 1);
    const Index place = i * kBlock / 2;
    if (to)
      storeHalves(to + place, both ? to + kWords + place : nullptr, swapMiddleQuarters(roundNeighbours(first, second)));
    if (toGradient)
      storeHalves(toGradient + place, both ? toGradient + kWords + place : nullptr, roundToPairs(first, second));
  }
}
#endif

void pack(const PackJob& job, Index first, Index last) {
  for (Index block = first; block < last; block++) {
    const float* from[kBlock];
    const Index samples = job.samples - block * kBlock < kBlock ? job.samples - block * kBlock : kBlock;
    for (Index i = 0; i < samples; i++) {
      const Index b = block * kBlock + i;
      from[i] = job.prefix + (job.rows ? static_cast<Index>(job.rows[job.first + b]) : job.first + b) * job.width;
    }
#if defined(PFF_BF16_PAIRS)
    if (job.precision == Precision::kBf16) {
      const Index at = block * tilesStride(job.width, 2);
      for (Index p = 0; p < job.width; p += kLanes) {
        const Index inputs = job.width - p < kLanes ? job.width - p : kLanes;
        const Index tile = at + p * kBlock / 2;
        packPairTiles(from, samples, p, inputs, job.x ? job.x + tile : nullptr, job.xGradient ? job.xGradient + tile : nullptr);
      }
      continue;
    }
#endif
    float* to = job.x + block * tilesStride(job.width, 1);
    for (Index p = 0; p < job.width; p += kBlock, to += kTile) {
      const Index inputs = job.width - p < kBlock ? job.width - p : kBlock;
      if (job.precision == Precision::kF32) {
        packTile(from, samples, p, inputs, to);
      } else {
        packRoundedTile(from, samples, p, inputs, to);
      }
    }
  }
}

}  // namespace
}  // namespace pff
