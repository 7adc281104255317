// Image bytes to f32 rows, each scaled by its own factor. Plain code: the compiler vectorises it.
#pragma once
#include "panels.h"

namespace pff {
namespace {

void stage(const StageJob& job, Index first, Index last) {
  const Index width = job.width - job.skip;
  for (Index b = first; b < last; b++) {
    const Index row = static_cast<Index>(job.rows[b]);
    const uint8_t* from = job.bytes + row * job.width + job.skip;
    const float scale = job.scale[row];
    float* out = job.out + b * width;
    for (Index j = 0; j < width; j++) out[j] = static_cast<float>(from[j]) * scale;
  }
}

}  // namespace
}  // namespace pff
