// Rules 9 and 11 of src/kernels/block/contract.ts by position: sums over the channels of one position, in the lanes of rule 2.
#pragma once
#include "planes.h"
#include "rows.h"

namespace pff {
namespace {

// kSumLanes channels at a time, as the vectors of a sum's lanes: work(vector, channels).
template <class Work>
inline void eachLanes(Index channels, const Work& work) {
  for (Index at = 0; at < channels; at += kSumLanes)
    for (Index n = 0; n < kSumVecs && at + n * kLanes < channels; n++) {
      const Index left = channels - at - n * kLanes;
      work(n, Channels{at + n * kLanes, left < kLanes ? left : kLanes});
    }
}

struct LaneSum {
  Vec lanes[kSumVecs];
  LaneSum() {
    for (Index n = 0; n < kSumVecs; n++) lanes[n] = zero();
  }
  inline float total() const {
    float sums[kSumLanes];
    for (Index n = 0; n < kSumVecs; n++) store(sums + n * kLanes, lanes[n]);
    return foldRow(sums);
  }
};

void positionSums(const PositionSumsJob& job, Index first, Index last) {
  const Index channels = job.shape.channels;
  const Index positions = job.shape.positions();
  const float share = 1.0f / static_cast<float>(channels);
  for (Index at = first * positions; at < last * positions; at++) {
    const float* z = job.z + at * channels;
    float mean = 0.0f;
    if (job.centred) {
      LaneSum sum;
      eachLanes(channels, [&](Index n, const Channels& part) { sum.lanes[n] = add(sum.lanes[n], part.from(z)); });
      mean = sum.total() * share;
    }
    LaneSum squares;
    eachLanes(channels, [&](Index n, const Channels& part) {
      const Vec d = keepFirst(minus(part.from(z), all(mean)), part.count);
      squares.lanes[n] = fma(d, d, squares.lanes[n]);
    });
    job.mean[at] = mean;
    job.inverse[at] = 1.0f / __builtin_sqrtf(squares.total() * share + kVarianceEpsilon);
  }
}

void positionBackwards(const PositionBackwardsJob& job, Index first, Index last) {
  const Index channels = job.shape.channels;
  const Index positions = job.shape.positions();
  const float share = 1.0f / static_cast<float>(channels);
  for (Index r = first; r < last; r++) {
    float* sums = job.sums + r * channels;
    __builtin_memset(sums, 0, static_cast<size_t>(channels) * sizeof(float));
    for (Index at = r * positions; at < (r + 1) * positions; at++) {
      const float* z = job.z + at * channels;
      float* values = job.values + at * channels;
      const Vec mean = all(job.norm.mean[at]);
      const float inverse = job.norm.inverse[at];
      LaneSum sum1, sum2;
      eachLanes(channels, [&](Index n, const Channels& part) {
        const Vec g = mul(part.from(job.norm.scale), part.from(values));
        if (job.centred) sum1.lanes[n] = add(sum1.lanes[n], g);
        sum2.lanes[n] = fma(g, minus(part.from(z), mean), sum2.lanes[n]);
      });
      const Vec a = all(job.centred ? inverse * (sum1.total() * share) : 0.0f);
      const Vec b = all(inverse * (inverse * inverse) * (sum2.total() * share));
      eachVector(channels, [&](const Channels& part) {
        const Vec taken = fma(minus(part.from(z), mean), b, a);
        const Vec dz = dropSmallDelta(fmaMinus(mul(part.from(job.norm.scale), all(inverse)), part.from(values), taken));
        part.to(values, dz);
        part.to(sums, add(part.from(sums), dz));
      });
    }
  }
}

}  // namespace
}  // namespace pff
