// Rule 12 of src/kernels/averages.ts: averages of planes over windows side by side, and the way back. Vectors run over channels.
#pragma once
#include "planes.h"

namespace pff {
namespace {

// work(first position, height, width, where its averages begin in a row of them) for each window, in order.
template <class Work>
PFF_INLINE void eachWindow(const AverageJob& job, const Work& work) {
  Index at = 0;
  for (Index top = 0; top < job.height; top += job.side) {
    for (Index left = 0; left < job.width; left += job.side, at += job.channels) {
      const Index height = job.height - top < job.side ? job.height - top : job.side;
      const Index width = job.width - left < job.side ? job.width - left : job.side;
      work(top * job.width + left, height, width, at);
    }
  }
}

inline Vec shareOf(Index values) { return all(1.0f / static_cast<float>(values)); }

void averagePlanes(const AverageJob& job, Index first, Index last) {
  for (Index r = first; r < last; r++) {
    const float* values = job.values + (job.rows ? static_cast<Index>(job.rows[r]) : r) * job.valuesOfRow();
    float* averages = job.averages + r * job.averagesOfRow();
    eachWindow(job, [&](Index corner, Index height, Index width, Index at) {
      const Vec share = shareOf(height * width);
      eachVector(job.channels, [&](const Channels& part) {
        Vec sum = zero();
        for (Index y = 0; y < height; y++)
          for (Index x = 0; x < width; x++) sum = add(sum, part.from(values + (corner + y * job.width + x) * job.channels));
        part.to(averages + at, mul(sum, share));
      });
    });
  }
}

// Each value gets its share of what is given for its window's average.
void spreadAverages(const AverageJob& job, Index first, Index last) {
  for (Index r = first; r < last; r++) {
    float* values = job.spread + r * job.valuesOfRow();
    const float* averages = job.averages + r * job.averagesOfRow();
    eachWindow(job, [&](Index corner, Index height, Index width, Index at) {
      const Vec share = shareOf(height * width);
      eachVector(job.channels, [&](const Channels& part) {
        const Vec each = mul(part.from(averages + at), share);
        for (Index y = 0; y < height; y++)
          for (Index x = 0; x < width; x++) part.to(values + (corner + y * job.width + x) * job.channels, each);
      });
    });
  }
}

}  // namespace
}  // namespace pff
