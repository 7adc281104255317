// Rule 6: the loss's derivative by a layer's inputs. Vectors run over rows, so that the weights can be read as they lie; the
// deltas are transposed into panels of rows first.
#pragma once
#include "../bf16.h"
#include "delta.h"
#include "products.h"
#include "tile-order.h"

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
        store(square[r], job.layer.precision == Precision::kF32 ? d[0] : roundToBf16(d[0]));
      }
      for (Index j = 0; j < valid; j++)
        for (Index r = 0; r < kPanel; r++) to[(o + j) * kPanel + r] = square[r][j];
    }
  }
}

template <class Product>
struct InputGradientBlock {
  const InputGradientJob& job;
  Index rowPanel;
  Index i0;

  template <int N>
  void run() const {
    alignas(64) float square[kRowsAtOnce][N * kLanes];
    if (Product::kTileOrder) {
      sumTiles<N>(square[0]);
    } else {
      chain<N>(square[0]);
    }
    const Layer& layer = job.layer;
    const Index rows = panelOutputs(rowPanel, job.rows);
    const Index inputs = layer.inputs - i0 < kRowsAtOnce ? layer.inputs - i0 : kRowsAtOnce;
    float* out = job.out + panelStart(rowPanel) * layer.inputs + i0;
    for (Index r = 0; r < rows; r++)
      for (Index i = 0; i < inputs; i++) out[r * layer.inputs + i] = square[i][r];
  }

  // [kRowsAtOnce inputs][N vectors of rows]
  template <int N>
  PFF_NOINLINE void chain(float* sums) const {
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
      PFF_ONE_BY_ONE
      for (Index o = 0; o < valid; o++, d += kPanel) {
        Vec delta[N];
        PFF_UNROLL
        for (int n = 0; n < N; n++) delta[n] = load(d + n * kLanes);
        PFF_UNROLL
        for (int i = 0; i < kRowsAtOnce; i++) {
          const float given = w[i * width + o];
          const Vec weight = all(Product::kRounds ? toBf16(given) : given);
          PFF_UNROLL
          for (int n = 0; n < N; n++) acc[i][n] = fma(delta[n], weight, acc[i][n]);
        }
      }
    }
    storeSums<N>(acc, sums);
  }

  // The same in the tile order.
  template <int N>
  inline void sumTiles(float* sums) const {
    const Index outputs = job.layer.outputs;
    for (Index j = 0; j < kRowsAtOnce * N * kLanes; j++) sums[j] = 0.0f;
    const float* d = job.transposed + panelStart(rowPanel) * outputs;
    for (Index o = 0; o < outputs; o += kTileTerms) {
      alignas(64) float weights[kRowsAtOnce * kTileTerms];
      roundBlock(o, weights);
      addTileBlock<N, kTileTerms, 1>(weights, kBlock, d + o * kPanel, kPanel, outputs - o, sums);
    }
  }

  // The weights of these inputs to 32 outputs from o0 on, rounded. [kRowsAtOnce][32]
  inline void roundBlock(Index o0, float* to) const {
    const Layer& layer = job.layer;
    for (Index o = o0; o < o0 + kTileTerms && o < layer.outputs; o += kLanes) {
      const Index start = o / kPanel * kPanel;
      const Index width = roundUp(layer.outputs - start < kPanel ? layer.outputs - start : kPanel, kLanes);
      const float* w = layer.w + start * layer.inputs + i0 * width + (o - start);
      for (Index i = 0; i < kRowsAtOnce; i++) store(to + i * kTileTerms + (o - o0), roundToBf16(load(w + i * width)));
    }
  }
};

template <class Product>
void inputGradientBy(const InputGradientJob& job, Index first, Index last) {
  const Index blocks = blocksOf(job.layer.inputs, kBlock);
  for (Index item = first; item < last; item++) {
    for (Index i = 0; i < kBlock; i += kRowsAtOnce) {
      InputGradientBlock<Product> one{job, item / blocks, item % blocks * kBlock + i};
      if (one.i0 < job.layer.inputs) withPanelVecs(panelOutputs(one.rowPanel, job.rows), one);
    }
  }
}

struct InputGradient {
  const InputGradientJob& job;
  Index first;
  Index last;

  template <class Product>
  void run() const {
    inputGradientBy<Product>(job, first, last);
  }
};

void inputGradient(const InputGradientJob& job, Index first, Index last) {
  InputGradient items{job, first, last};
  withProduct(job.layer.precision, items);
}

}  // namespace
}  // namespace pff
