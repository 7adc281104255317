// Rule 6: the loss's derivative by a layer's inputs. Vectors run over rows, so that the weights can be read as they lie; the
// deltas are transposed into panels of rows first.
#pragma once
#include "../bf16.h"
#include "delta.h"

namespace pff {
namespace {

void transposeDelta(const InputGradientJob& job, Index first, Index last) {
  const Index outputs = job.layer.outputs;
  for (Index panel = first; panel < last; panel++) {
    const Index r0 = panelStart(panel);
    const Index rows = panelOutputs(panel, job.rows);
    float* to = job.transposed + r0 * outputs;
    for (Index o = 0; o < outputs; o += kLanes) {
      const Index valid = outputs - o < kLanes ? outputs - o : kLanes;
      float square[kPanel][kLanes] = {};
      for (Index r = 0; r < rows; r++) {
        Vec d[1];
        loadDelta<1>(d, job.delta, outputs, r0 + r, o, valid);
        store(square[r], job.layer.bf16 ? roundToBf16(d[0]) : d[0]);
      }
      for (Index j = 0; j < valid; j++)
        for (Index r = 0; r < kPanel; r++) to[(o + j) * kPanel + r] = square[r][j];
    }
  }
}

template <bool BF16>
struct InputGradientBlock {
  const InputGradientJob& job;
  Index rowPanel;
  Index i0;

  template <int N>
  void run() const {
    const Layer& layer = job.layer;
    Vec acc[kRowsAtOnce][N];
    PFF_UNROLL
    for (int i = 0; i < kRowsAtOnce; i++) {
      PFF_UNROLL
      for (int n = 0; n < N; n++) acc[i][n] = zero();
    }
    const float* d = job.transposed + panelStart(rowPanel) * layer.outputs;
    for (Index start = 0; start < layer.outputs; start += kPanel) {
      const Index valid = layer.outputs - start < kPanel ? layer.outputs - start : kPanel;
      const Index width = roundUp(valid, kLanes);
      const float* w = layer.w + start * layer.inputs + i0 * width;
      for (Index o = 0; o < valid; o++, d += kPanel) {
        Vec delta[N];
        PFF_UNROLL
        for (int n = 0; n < N; n++) delta[n] = load(d + n * kLanes);
        PFF_UNROLL
        for (int i = 0; i < kRowsAtOnce; i++) {
          const float given = w[i * width + o];
          const Vec weight = all(BF16 ? toBf16(given) : given);
          PFF_UNROLL
          for (int n = 0; n < N; n++) acc[i][n] = fma(delta[n], weight, acc[i][n]);
        }
      }
    }
    float square[kRowsAtOnce][N * kLanes];
    PFF_UNROLL
    for (int i = 0; i < kRowsAtOnce; i++) {
      PFF_UNROLL
      for (int n = 0; n < N; n++) store(square[i] + n * kLanes, acc[i][n]);
    }
    const Index rows = panelOutputs(rowPanel, job.rows);
    const Index inputs = layer.inputs - i0 < kRowsAtOnce ? layer.inputs - i0 : kRowsAtOnce;
    float* out = job.out + panelStart(rowPanel) * layer.inputs + i0;
    for (Index r = 0; r < rows; r++)
      for (Index i = 0; i < inputs; i++) out[r * layer.inputs + i] = square[i][r];
  }
};

template <bool BF16>
void inputGradientIn(const InputGradientJob& job, Index first, Index last) {
  const Index blocks = blocksOf(job.layer.inputs, kBlock);
  for (Index item = first; item < last; item++) {
    for (Index i = 0; i < kBlock; i += kRowsAtOnce) {
      InputGradientBlock<BF16> one{job, item / blocks, item % blocks * kBlock + i};
      if (one.i0 < job.layer.inputs) withPanelVecs(panelOutputs(one.rowPanel, job.rows), one);
    }
  }
}

void inputGradient(const InputGradientJob& job, Index first, Index last) {
  if (job.layer.bf16) {
    inputGradientIn<true>(job, first, last);
  } else {
    inputGradientIn<false>(job, first, last);
  }
}

}  // namespace
}  // namespace pff
