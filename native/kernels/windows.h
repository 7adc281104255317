// Rule 8 where windows are read as they lie in a frame (jobs/convolution.h), without packed patches: the sums of the forward pass and of the gradient.
#pragma once
#include <cstring>

#include "products.h"

namespace pff {
namespace {

// Adds the products of rows b0 … of the batch with the weights of a panel: in the order of the taps, and of the 8 values of each.
// AHEAD: cache lines to bring closer with each tap.
template <int N, int AHEAD, class Product>
PFF_INLINE void multiplyWindows(Vec (&acc)[kRowsAtOnce][N], const Batch& batch, Index b0, const float* w, const float* next) {
  const float* rows[kRowsAtOnce];
  PFF_UNROLL
  for (int i = 0; i < kRowsAtOnce; i++) rows[i] = batch.x + batch.at[b0 + i];
  constexpr Index kWords = kBlock / Product::kPair;
  const uint32_t* const end = batch.taps + batch.prefix / kBlock;
  for (const uint32_t* tap = batch.taps; tap != end; tap++, w += kWords * N * kLanes) {
    PFF_UNROLL
    for (int l = 0; l < AHEAD; l++) prefetchFar(next + l * kLineFloats);
    next += AHEAD * kLineFloats;
    const Index at = static_cast<Index>(*tap);
    PFF_UNROLL_TERMS
    for (int k = 0; k < kWords; k++) {
      Vec weights[N];
      PFF_UNROLL
      for (int n = 0; n < N; n++) weights[n] = load(w + (k * N + n) * kLanes);
      PFF_UNROLL
      for (int i = 0; i < kRowsAtOnce; i++) {
        const Vec input = all(rows[i][at + k]);
        PFF_UNROLL
        for (int n = 0; n < N; n++) acc[i][n] = Product::multiplyAdd(input, weights[n], acc[i][n]);
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

// Values as operands, which are half as many words where pairs are multiplied. `count` is a multiple of 8.
void roundOperands(Precision precision, const float* from, Index count, float* to) {
#if defined(PFF_BF16_PAIRS)
  if (precision == Precision::kBf16) {
    const Index whole = count / (2 * kLanes) * 2 * kLanes;
    Bf16Product::operands(to, from, whole);
    for (Index j = whole; j < count; j += kBlock)
      storeFirst(to + j / 2, roundNeighbours(loadFirst(from + j, kBlock), zero()), kBlock / 2);
    return;
  }
#endif
  (void)precision;
  roundValues(from, count, to);
}

#if defined(PFF_BF16_PAIRS)
// The pixels of a row as pairs of channels, `to` being the first one's in the first plane. Two pixels and two planes at a time.
inline void framePairs(const float* pixels, Index count, Index channels, Index plane, float* to) {
  constexpr Index kWords = kBlock / 2;
  for (Index c = 0; c < channels; c += kLanes, to += 2 * plane) {
    const bool both = c + kBlock < channels;
    const auto pixel = [&](Index x) {
      const float* from = pixels + x * channels + c;
      return both ? load(from) : loadFirst(from, kBlock);
    };
    for (Index x = 0; x + 2 <= count; x += 2)
      storeHalves(to + x * kWords, both ? to + plane + x * kWords : nullptr, swapMiddleQuarters(roundNeighbours(pixel(x), pixel(x + 1))));
    if (count % 2 == 0) continue;
    const Index x = count - 1;
    alignas(64) float words[kLanes];
    store(words, roundNeighbours(pixel(x), zero()));
    std::memcpy(to + x * kWords, words, kWords * sizeof(float));
    if (both) std::memcpy(to + plane + x * kWords, words + kWords, kWords * sizeof(float));
  }
}

// For blocks of 8 positions the operand of the gradient: of each place in their windows [4 pairs of positions][8 channels].
void packPairs(const Batch& windows, float* to, Index first, Index last) {
  constexpr float kNone[kBlock / 2] = {};
  const Index taps = windows.prefix / kBlock;
  for (Index block = first; block < last; block++) {
    const uint32_t* at = windows.at + block * kBlock;
    const Index samples = windows.samples - block * kBlock;
    float* tile = to + block * taps * (kTile / 2);
    for (Index t = 0; t < taps; t++, tile += kTile / 2) {
      const float* from = windows.x + windows.taps[t];
      PFF_UNROLL
      for (Index i = 0; i < kBlock; i += 2)
        storeRowPairs(tile + i * kBlock / 2, i < samples ? from + at[i] : kNone, i + 1 < samples ? from + at[i + 1] : kNone);
    }
  }
}
#define PFF_PACK_PAIRS packPairs
#else
#define PFF_PACK_PAIRS nullptr
#endif

// Fills frames with the rows of planes.
void frame(const FrameJob& job, Index first, Index last) {
  const Index blocks = job.channels / kBlock;
  const Index width = job.frameWidth;
  const Index words = kBlock / form(job.precision).pair;  // of a pixel in a block
  const Index plane = job.frameRows * width * words;
  const Index from = job.left < 0 ? -job.left : 0;  // columns of the frame that are in the image
  const Index until = job.width - job.left < width ? job.width - job.left : width;
  for (Index item = first; item < last; item++) {
    const Index image = item / job.rows;
    const Index row = item % job.rows;
    float* to = job.frame + image * blocks * plane + row * width * words;
    const Index y = job.top + row;
    if (y < 0 || y >= job.height) {
      for (Index c = 0; c < blocks; c++) std::memset(to + c * plane, 0, static_cast<size_t>(width * words) * sizeof(float));
      continue;
    }
    const float* pixels = job.x + ((image * job.height + y) * job.width + job.left) * job.channels;
    for (Index c = 0; c < blocks; c++) {
      float* line = to + c * plane;
      for (Index j = 0; j < from * words; j++) line[j] = 0.0f;
      for (Index j = until * words; j < width * words; j++) line[j] = 0.0f;
    }
#if defined(PFF_BF16_PAIRS)
    if (job.precision == Precision::kBf16) {
      framePairs(pixels + from * job.channels, until - from, job.channels, plane, to + from * words);
      continue;
    }
#endif
    for (Index c = 0; c < blocks; c++) {
      float* line = to + c * plane;
      for (Index x = from; x < until; x++)
        std::memcpy(line + x * kBlock, pixels + x * job.channels + c * kBlock, kBlock * sizeof(float));
      if (job.precision != Precision::kF32) roundValues(line, width * kBlock, line);
    }
  }
}

}  // namespace
}  // namespace pff
