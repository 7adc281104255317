// Rule 8 where windows are read as they lie in a frame (jobs/convolution.h), without packed patches: the sums of the forward pass and of the gradient.
#pragma once
#include <cstring>

#include "products.h"

namespace pff {
namespace {

// Adds the products of rows b0 … of the batch with the weights of a panel: in the order of the taps, and of the 8 values of each.
// AHEAD: cache lines to bring closer with each tap.
template <int N, int AHEAD>
PFF_INLINE void multiplyWindows(Vec (&acc)[kRowsAtOnce][N], const Batch& batch, Index b0, const float* w, const float* next) {
  const float* rows[kRowsAtOnce];
  PFF_UNROLL
  for (int i = 0; i < kRowsAtOnce; i++) rows[i] = batch.x + batch.at[b0 + i];
  const uint32_t* const end = batch.taps + batch.prefix / kBlock;
  for (const uint32_t* tap = batch.taps; tap != end; tap++, w += kBlock * N * kLanes) {
    PFF_UNROLL
    for (int l = 0; l < AHEAD; l++) prefetchFar(next + l * kLineFloats);
    next += AHEAD * kLineFloats;
    const Index at = static_cast<Index>(*tap);
    PFF_UNROLL_TERMS
    for (int k = 0; k < kBlock; k++) {
      Vec weights[N];
      PFF_UNROLL
      for (int n = 0; n < N; n++) weights[n] = load(w + (k * N + n) * kLanes);
      PFF_UNROLL
      for (int i = 0; i < kRowsAtOnce; i++) {
        const Vec input = all(rows[i][at + k]);
        PFF_UNROLL
        for (int n = 0; n < N; n++) acc[i][n] = fma(input, weights[n], acc[i][n]);
      }
    }
  }
}

// Some rows, and where the inputs of one place in their windows lie.
struct WindowRows {
  const float* x;
  const uint32_t* at;
  Index count;
};

// One term of each sum: a row's inputs by its deltas [N vectors].
template <int N>
PFF_INLINE void addWindow(Vec (&acc)[kRowsAtOnce][N], const float* x, const float* d) {
  Vec delta[N];
  PFF_UNROLL
  for (int n = 0; n < N; n++) delta[n] = load(d + n * kLanes);
  PFF_UNROLL
  for (int i = 0; i < kRowsAtOnce; i++) {
    const Vec input = all(x[i]);
    PFF_UNROLL
    for (int n = 0; n < N; n++) acc[i][n] = fma(input, delta[n], acc[i][n]);
  }
}

// The gradient of kRowsAtOnce inputs: chains over rows with deltas d, which go on from `sums` unless they start, and end there.
template <int N>
PFF_NOINLINE void sumWindows(const WindowRows& rows, const float* d, bool start, float* sums) {
  Vec acc[kRowsAtOnce][N];
  PFF_UNROLL
  for (int i = 0; i < kRowsAtOnce; i++) {
    PFF_UNROLL
    for (int n = 0; n < N; n++) acc[i][n] = start ? zero() : load(sums + (i * N + n) * kLanes);
  }
  const float* const x = rows.x;
  Index b = 0;
  for (; b + 4 <= rows.count; b += 4, d += 4 * N * kLanes) {
    PFF_UNROLL_TERMS
    for (int j = 0; j < 4; j++) addWindow<N>(acc, x + rows.at[b + j], d + j * N * kLanes);
  }
  for (; b < rows.count; b++, d += N * kLanes) addWindow<N>(acc, x + rows.at[b], d);
  PFF_UNROLL
  for (int i = 0; i < kRowsAtOnce; i++) {
    PFF_UNROLL
    for (int n = 0; n < N; n++) store(sums + (i * N + n) * kLanes, acc[i][n]);
  }
}

void roundValues(const float* from, Index count, float* to) {
  Index j = 0;
  for (; j + kLanes <= count; j += kLanes) store(to + j, roundToBf16(load(from + j)));
  if (j < count) storeFirst(to + j, roundToBf16(loadFirst(from + j, count - j)), count - j);
}

// Fills frames with the rows of planes.
void frame(const FrameJob& job, Index first, Index last) {
  const Index blocks = job.channels / kBlock;
  const Index width = job.frameWidth;
  const Index plane = job.frameRows * width * kBlock;
  const Index from = job.left < 0 ? -job.left : 0;  // columns of the frame that are in the image
  const Index until = job.width - job.left < width ? job.width - job.left : width;
  for (Index item = first; item < last; item++) {
    const Index image = item / job.rows;
    const Index row = item % job.rows;
    float* to = job.frame + image * blocks * plane + row * width * kBlock;
    const Index y = job.top + row;
    if (y < 0 || y >= job.height) {
      for (Index c = 0; c < blocks; c++) std::memset(to + c * plane, 0, static_cast<size_t>(width * kBlock) * sizeof(float));
      continue;
    }
    const float* pixels = job.x + ((image * job.height + y) * job.width + job.left) * job.channels;
    for (Index c = 0; c < blocks; c++) {
      float* line = to + c * plane;
      for (Index j = 0; j < from * kBlock; j++) line[j] = 0.0f;
      for (Index x = from; x < until; x++)
        std::memcpy(line + x * kBlock, pixels + x * job.channels + c * kBlock, kBlock * sizeof(float));
      for (Index j = until * kBlock; j < width * kBlock; j++) line[j] = 0.0f;
      if (job.precision != Precision::kF32) roundValues(line, width * kBlock, line);
    }
  }
}

}  // namespace
}  // namespace pff
