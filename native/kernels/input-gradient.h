// Rule 6: the loss's derivative by a layer's inputs. Vectors run over rows, so that the weights can be read as they lie; the
// deltas are transposed into panels of rows first.
#pragma once
#include "../bf16.h"
#include "delta.h"
#include "products.h"
#include "tile-order.h"

namespace pff {
namespace {

// [outputs / kPair][panel of rows]; of pairs, the value of the first output in the upper half of a word.
template <class Product>
void transposeDeltaBy(const InputGradientJob& job, Index first, Index last) {
  const Index outputs = job.layer.outputs;
  for (Index panel = first; panel < last; panel++) {
    const Index r0 = panelStart(panel);
    const Index rows = panelOutputs(panel, job.rows);
    float* to = job.transposed + r0 * outputs;
    for (Index o = 0; o < outputs; o += kLanes) {
      const Index valid = outputs - o < kLanes ? outputs - o : kLanes;
      alignas(64) float square[kPanel][2 * kLanes] = {};
      for (Index r = 0; r < rows; r++) {
        Vec d[1];
        loadDelta<1>(d, job.delta, outputs, r0 + r, o, valid);
        store(square[r], d[0]);
        Product::operands(square[r], square[r], 2 * kLanes);
      }
      for (Index j = 0; j < blocksOf(valid, Product::kPair); j++)
        for (Index r = 0; r < kPanel; r++) to[(o / Product::kPair + j) * kPanel + r] = square[r][j];
    }
  }
}

struct TransposeDelta {
  const InputGradientJob& job;
  Index first;
  Index last;

  template <class Product>
  void run() const {
    transposeDeltaBy<Product>(job, first, last);
  }
};

void transposeDelta(const InputGradientJob& job, Index first, Index last) {
  TransposeDelta panels{job, first, last};
  withProduct(job.layer.precision, panels);
}

// Outputs whose deltas, [outputs / kPair][panel of rows], stay in the first-level cache (18 KiB) while many inputs are summed over them: whole
// panels, and whole blocks of the tile order.
template <class Product>
constexpr Index kDeltaOutputs = Product::kPair * 4608 / kPanel;
static_assert(kDeltaOutputs<F32Product> % kPanel == 0 && kDeltaOutputs<F32Product> % kTileTerms == 0, "neither a panel nor a block is cut");
// Inputs that share them. In each panel their weights lie one after another, so that memory can be read ahead.
constexpr Index kBlocksAtOnce = 8;
constexpr Index kInputsAtOnce = kBlocksAtOnce * kBlock;

// Inputs i0 … i0 + count - 1, at most kInputsAtOnce, by a panel of rows.
template <class Product>
struct InputGradientBlock {
  const InputGradientJob& job;
  Index rowPanel;
  Index i0;
  Index count;

  template <int N>
  void run() const {
    const Layer& layer = job.layer;
    alignas(64) float sums[kInputsAtOnce][N * kLanes];
    for (Index i = 0; i < roundUp(count, kRowsAtOnce); i++)
      for (Index j = 0; j < N * kLanes; j++) sums[i][j] = 0.0f;
    for (Index o = 0; o < layer.outputs; o += kDeltaOutputs<Product>) {
      const Index last = o + kDeltaOutputs<Product> < layer.outputs ? o + kDeltaOutputs<Product> : layer.outputs;
      for (Index i = 0; i < count; i += kRowsAtOnce) {
        if (Product::kTileOrder) {
          sumTiles<N>(i0 + i, o, last, sums[i]);
        } else {
          chain<N>(i0 + i, o, last, sums[i]);
        }
      }
    }
    const Index rows = panelOutputs(rowPanel, job.rows);
    float* out = job.out + panelStart(rowPanel) * layer.inputs + i0;
    for (Index r = 0; r < rows; r++)
      for (Index i = 0; i < count; i++) out[r * layer.inputs + i] = sums[i][r];
  }

  inline const float* deltas(Index o) const {
    return job.transposed + panelStart(rowPanel) * job.layer.outputs + o / Product::kPair * kPanel;
  }

  // Goes on with the chains of kRowsAtOnce inputs over outputs first … last - 1. sums: [kRowsAtOnce inputs][N vectors of rows]
  template <int N>
  PFF_NOINLINE void chain(Index input, Index first, Index last, float* sums) const {
    const Layer& layer = job.layer;
    Vec acc[kRowsAtOnce][N];
    loadSums<N>(acc, sums);
    const float* d = deltas(first);
    for (Index start = first; start < last; start += kPanel) {
      const Index valid = last - start < kPanel ? last - start : kPanel;
      Index width = roundUp(valid, kLanes);
      const float* w = layer.w + start * layer.inputs + input * width;
      for (Index l = 0; l < kRowsAtOnce * width; l += kLineFloats) prefetchNear(w + kRowsAtOnce * width + l);
      alignas(64) float rounded[kRowsAtOnce * kPanel];
      if (Product::kRounds) {
        Product::operands(rounded, w, kRowsAtOnce * width);
        w = rounded;
        width /= Product::kPair;
      }
      PFF_ONE_BY_ONE
      for (Index o = 0; o < blocksOf(valid, Product::kPair); o++, d += kPanel) {
        Vec delta[N];
        PFF_UNROLL
        for (int n = 0; n < N; n++) delta[n] = load(d + n * kLanes);
        PFF_UNROLL
        for (int i = 0; i < kRowsAtOnce; i++) {
          const Vec weight = all(w[i * width + o]);
          PFF_UNROLL
          for (int n = 0; n < N; n++) acc[i][n] = Product::multiplyAdd(delta[n], weight, acc[i][n]);
        }
      }
    }
    storeSums<N>(acc, sums);
  }

  // The same in the tile order.
  template <int N>
  inline void sumTiles(Index input, Index first, Index last, float* sums) const {
    for (Index o = first; o < last; o += kTileTerms) {
      alignas(64) float weights[kRowsAtOnce * kTileTerms];
      roundBlock(input, o, weights);
      addTileBlock<N, kTileTerms, 1>(weights, kBlock, deltas(o), kPanel, last - o, sums);
    }
  }

  // The weights of kRowsAtOnce inputs to 32 outputs from o0 on, rounded. [kRowsAtOnce][32]
  inline void roundBlock(Index input, Index o0, float* to) const {
    const Layer& layer = job.layer;
    for (Index o = o0; o < o0 + kTileTerms && o < layer.outputs; o += kLanes) {
      const Index start = o / kPanel * kPanel;
      const Index width = roundUp(layer.outputs - start < kPanel ? layer.outputs - start : kPanel, kLanes);
      const float* w = layer.w + start * layer.inputs + input * width + (o - start);
      for (Index i = 0; i < kRowsAtOnce; i++) store(to + i * kTileTerms + (o - o0), roundToBf16(load(w + i * width)));
    }
  }
};

template <class Product>
void inputGradientBy(const InputGradientJob& job, Index first, Index last) {
  const Index panels = blocksOf(job.rows, kPanel);
  const Index blocks = blocksOf(job.layer.inputs, kBlock);
  for (Index item = first; item < last;) {
    // kInputsAtOnce inputs by each panel of rows in turn, so that their weights come from memory once.
    const Index group = item / (panels * kBlocksAtOnce);
    const Index start = group * kBlocksAtOnce;
    const Index together = blocks - start < kBlocksAtOnce ? blocks - start : kBlocksAtOnce;
    const Index within = item - start * panels;
    const Index block = within % together;
    const Index here = together - block < last - item ? together - block : last - item;
    const Index i0 = (start + block) * kBlock;
    const Index inputs = job.layer.inputs - i0 < here * kBlock ? job.layer.inputs - i0 : here * kBlock;
    InputGradientBlock<Product> one{job, within / together, i0, inputs};
    withPanelVecs(panelOutputs(one.rowPanel, job.rows), one);
    item += here;
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
