// The input gradient of a convolution (rule 8) without patches: for each place in the window, the products of a block of positions with
// the weights there, turned round, are added to the pixels that these positions meet.
#pragma once
#include "windows.h"

namespace pff {
namespace {

// Words of the turned weights of one place in the window.
inline Index turnedPlace(const TurnJob& job) {
  return job.layer.outputs / form(job.layer.precision).pair * roundUp(job.channels, kLanes);
}

// One panel of a layer whose operand holds pairs of inputs, as pairs of outputs.
inline void turnPairs(const float* w, Index fromWidth, Index outputs, Index channels, float* panel, Index width) {
  for (Index o = 0; o < outputs; o += 2) {
    for (Index c = 0; c < channels; c++) {
      uint32_t words[2];
      std::memcpy(words, w + c / 2 * fromWidth + o, sizeof words);
      const uint32_t word = c % 2 == 0 ? (words[0] & 0xffff0000u) | words[1] >> 16 : words[0] << 16 | (words[1] & 0xffffu);
      std::memcpy(panel + o / 2 * width + c, &word, sizeof word);
    }
  }
}

void turnWeights(const TurnJob& job, Index first, Index last) {
  const Layer& layer = job.layer;
  const bool rounds = layer.precision != Precision::kF32;
  const Index pair = form(layer.precision).pair;
  for (Index place = first; place < last; place++) {
    for (Index start = 0; start < job.channels; start += kPanel) {
      const Index count = panelOutputs(start / kPanel, job.channels);
      const Index width = roundUp(count, kLanes);
      float* panel = job.turned + place * turnedPlace(job) + start * (layer.outputs / pair);
      for (Index from = 0; from < layer.outputs; from += kPanel) {
        const Index outputs = layer.outputs - from < kPanel ? layer.outputs - from : kPanel;
        const Index fromWidth = roundUp(outputs, kLanes);
        const Index rows = rounds ? layer.operandRows : layer.inputs;
        const float* w = (rounds ? layer.operand : layer.w) + from * rows + (place * job.channels + start) / pair * fromWidth;
        if (pair == 2) {
          turnPairs(w, fromWidth, outputs, count, panel + from / 2 * width, width);
          continue;
        }
        for (Index o = 0; o < outputs; o++)
          for (Index c = 0; c < count; c++) panel[(from + o) * width + c] = w[c * fromWidth + o];
      }
    }
  }
}

template <class Product>
struct SpreadPanel {
  const SpreadJob& job;
  Index place;
  Index start;
  Index valid;

  template <int N>
  PFF_NOINLINE void block(Index b0, const float* w) const {
    Vec acc[kRowsAtOnce][N];
    PFF_UNROLL
    for (int i = 0; i < kRowsAtOnce; i++) {
      PFF_UNROLL
      for (int n = 0; n < N; n++) acc[i][n] = zero();
    }
    multiplyWindows<N, 0, Product>(acc, job.batch, b0, w, nullptr);
    const int32_t* pixel = job.pixels + place * roundUp(job.batch.samples, kBlock) + b0;
    PFF_UNROLL
    for (int i = 0; i < kRowsAtOnce; i++) {
      if (pixel[i] < 0) continue;
      float* to = job.out + pixel[i] * job.stride + start;
      Vec old[N];
      loadRow<N>(old, to, valid);
      PFF_UNROLL
      for (int n = 0; n < N; n++) old[n] = add(old[n], acc[i][n]);
      storeRow<N>(to, old, valid);
    }
  }

  template <int N>
  void run() const {
    const float* w = job.weights.turned + place * turnedPlace(job.weights) + start * (job.weights.layer.outputs / Product::kPair);
    for (Index b0 = 0; b0 < job.batch.samples; b0 += kRowsAtOnce) block<N>(b0, w);
  }
};

struct Spread {
  const SpreadJob& job;

  template <class Product>
  void run() const {
    for (Index place = 0; place < job.weights.places; place++) {
      for (Index start = 0; start < job.weights.channels; start += kPanel) {
        SpreadPanel<Product> panel{job, place, start, panelOutputs(start / kPanel, job.weights.channels)};
        withPanelVecs(panel.valid, panel);
      }
    }
  }
};

void spread(const SpreadJob& job) {
  Spread places{job};
  withProduct(job.weights.layer.precision, places);
}

}  // namespace
}  // namespace pff
