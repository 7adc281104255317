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

// The same as pairs, from a rounded tile.
inline void pairInputs(const float* tile, float* to) {
  uint32_t bits[kTile];
  uint32_t words[kTile / 2];
  std::memcpy(bits, tile, sizeof bits);
  for (Index j = 0; j < kTile / 2; j++) words[j] = bits[2 * j] | bits[2 * j + 1] >> 16;
  std::memcpy(to, words, sizeof words);
}
inline void pairSamples(const float* tile, float* to) {
  uint32_t bits[kTile];
  uint32_t words[kTile / 2];
  std::memcpy(bits, tile, sizeof bits);
  for (Index i = 0; i < kBlock / 2; i++)
    for (Index p = 0; p < kBlock; p++)
      words[i * kBlock + p] = bits[2 * i * kBlock + p] | bits[(2 * i + 1) * kBlock + p] >> 16;
  std::memcpy(to, words, sizeof words);
}

void pack(const PackJob& job, Index first, Index last) {
  const Index pair = job.precision == Precision::kBf16 ? Bf16Product::kPair : 1;
  const Index stride = tilesStride(job.width, pair);
  for (Index block = first; block < last; block++) {
    const float* from[kBlock];
    const Index samples = job.samples - block * kBlock < kBlock ? job.samples - block * kBlock : kBlock;
    for (Index i = 0; i < samples; i++) {
      const Index b = block * kBlock + i;
      from[i] = job.prefix + (job.rows ? static_cast<Index>(job.rows[job.first + b]) : job.first + b) * job.width;
    }
    float* to = job.x + block * stride;
    float* toGradient = job.xGradient ? job.xGradient + block * stride : nullptr;
    for (Index p = 0; p < job.width; p += kBlock, to += kTile / pair) {
      const Index inputs = job.width - p < kBlock ? job.width - p : kBlock;
      if (job.precision == Precision::kF32) {
        packTile(from, samples, p, inputs, to);
      } else if (pair == 1) {
        packRoundedTile(from, samples, p, inputs, to);
      } else {
        alignas(64) float tile[kTile];
        packRoundedTile(from, samples, p, inputs, tile);
        pairInputs(tile, to);
        if (toGradient) pairSamples(tile, toGradient + p / kBlock * (kTile / pair));
      }
    }
  }
}

}  // namespace
}  // namespace pff
