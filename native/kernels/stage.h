// Image bytes to f32 rows, each scaled by its own factor; and rows with their channels last. Plain code: the compiler vectorises it.
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

void turnRows(const TurnRowsJob& job, Index first, Index last) {
  const Index size = job.channels * job.positions;
  for (Index r = first; r < last; r++) {
    const float* from = job.values + (job.rows ? static_cast<Index>(job.rows[r]) : r) * size;
    for (Index c = 0; c < job.channels; c++, from += job.positions) {
      float* to = job.out + r * size + c;
      for (Index i = 0; i < job.positions; i++) to[i * job.channels] = from[i];
    }
  }
}

}  // namespace
}  // namespace pff
