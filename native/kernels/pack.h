// Gathers the rows of a batch into tiles of 8 samples by 8 inputs, the one form that both forward and gradient read: the
// forward pass walks along a row of tiles, the gradient down a column, and each finds what it broadcasts side by side.
#pragma once
#include <cstring>

#include "panels.h"

namespace pff {
namespace {

void pack(const PackJob& job, Index first, Index last) {
  const Index full = job.width / kBlock;
  const Index tail = job.width % kBlock;
  for (Index block = first; block < last; block++) {
    const float* from[kBlock];
    const Index samples = job.samples - block * kBlock < kBlock ? job.samples - block * kBlock : kBlock;
    for (Index i = 0; i < samples; i++) {
      const Index b = block * kBlock + i;
      from[i] = job.prefix + (job.rows ? static_cast<Index>(job.rows[job.first + b]) : job.first + b) * job.width;
    }
    float* to = job.x + block * tilesStride(job.width);
    for (Index p = 0; p < full; p++, to += kTile) {
      for (Index i = 0; i < samples; i++) std::memcpy(to + i * kBlock, from[i] + p * kBlock, kBlock * sizeof(float));
      if (samples < kBlock) std::memset(to + samples * kBlock, 0, (kBlock - samples) * kBlock * sizeof(float));
    }
    if (tail == 0) continue;
    std::memset(to, 0, kTile * sizeof(float));
    for (Index i = 0; i < samples; i++) std::memcpy(to + i * kBlock, from[i] + full * kBlock, tail * sizeof(float));
  }
}

}  // namespace
}  // namespace pff
