// The input gradient of a convolution (rule 8) without patches: for each place in the window, the products of a block of positions with
// the weights there, turned round, are added to the pixels that these positions meet.
#pragma once
#include "windows.h"

namespace pff {
namespace {

// Floats of the turned weights of one place in the window.
inline Index turnedPlace(const TurnJob& job) { return job.layer.outputs * roundUp(job.channels, kLanes); }

void turnWeights(const TurnJob& job, Index first, Index last) {
  const Layer& layer = job.layer;
  const bool rounds = layer.precision != Precision::kF32;
  for (Index place = first; place < last; place++) {
    for (Index start = 0; start < job.channels; start += kPanel) {
      const Index count = panelOutputs(start / kPanel, job.channels);
      const Index width = roundUp(count, kLanes);
      float* panel = job.turned + place * turnedPlace(job) + start * layer.outputs;
      for (Index from = 0; from < layer.outputs; from += kPanel) {
        const Index outputs = layer.outputs - from < kPanel ? layer.outputs - from : kPanel;
        const Index fromWidth = roundUp(outputs, kLanes);
        const Index rows = rounds ? layer.operandRows : layer.inputs;
        const float* w = (rounds ? layer.operand : layer.w) + from * rows + (place * job.channels + start) * fromWidth;
        for (Index o = 0; o < outputs; o++)
          for (Index c = 0; c < count; c++) panel[(from + o) * width + c] = w[c * fromWidth + o];
      }
    }
  }
}

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
    multiplyWindows<N, 0>(acc, job.batch, b0, w, nullptr);
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
    const float* w = job.weights.turned + place * turnedPlace(job.weights) + start * job.weights.layer.outputs;
    for (Index b0 = 0; b0 < job.batch.samples; b0 += kRowsAtOnce) block<N>(b0, w);
  }
};

void spread(const SpreadJob& job) {
  for (Index place = 0; place < job.weights.places; place++) {
    for (Index start = 0; start < job.weights.channels; start += kPanel) {
      SpreadPanel panel{job, place, start, panelOutputs(start / kPanel, job.weights.channels)};
      withPanelVecs(panel.valid, panel);
    }
  }
}

}  // namespace
}  // namespace pff
