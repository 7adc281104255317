// Rule 1: a batch through a layer. A block of 8 samples by one panel of outputs stays in registers for the whole chain over
// the prefix inputs; each variant then adds its few suffix inputs to a copy.
#pragma once
#include "products.h"
#include "tile-order.h"
#include "windows.h"

namespace pff {
namespace {

template <int N, class Product>
struct ForwardBlock {
  const ForwardJob& job;
  Index start;  // first output
  Index valid;  // outputs in the panel
  const float* w;      // of the operand
  const float* ahead;  // weights to bring closer meanwhile

  static constexpr Index kWords = kBlock / Product::kPair;  // words of a row of a tile

  // Where the outputs of one row go; both pointers may be null.
  struct Row {
    float* y;
    float* lanes;
  };
  inline Row rowAt(Index v, Index b) const {
    return {job.y ? job.y + (v * job.variantRows + b) * job.stride + start : nullptr,
            job.lanes ? job.lanes + (v * job.batch.samples + b) * kSumLanes : nullptr};
  }

  // A row is done: activation, store, sum of squares.
  inline void emit(const Row& row, Vec (&y)[N]) const {
    if (job.layer.relu) {
      PFF_UNROLL
      for (int n = 0; n < N; n++) y[n] = relu(y[n]);
    }
    if (row.y) storeRow<N>(row.y, y, valid);
    if (row.lanes) {
      if (valid < N * kLanes) y[N - 1] = keepFirst(y[N - 1], valid - (N - 1) * kLanes);
      if (kLanes == kSumLanes) {
        Vec sum = load(row.lanes);
        PFF_UNROLL
        for (int n = 0; n < N; n++) sum = fma(y[n], y[n], sum);
        store(row.lanes, sum);
        return;
      }
      PFF_UNROLL
      for (int n = 0; n < N; n++) {
        float* lane = row.lanes + (start + n * kLanes) % kSumLanes;
        store(lane, fma(y[n], y[n], load(lane)));
      }
    }
  }

  template <int K>
  static PFF_INLINE void multiply(Vec (&acc)[kRowsAtOnce][N], const float* x, const float* w) {
    PFF_UNROLL_TERMS
    for (int k = 0; k < K; k++) {
      Vec weights[N];
      PFF_UNROLL
      for (int n = 0; n < N; n++) weights[n] = load(w + (k * N + n) * kLanes);
      PFF_UNROLL
      for (int i = 0; i < kRowsAtOnce; i++) {
        const Vec input = all(x[i * kWords + k]);
        PFF_UNROLL
        for (int n = 0; n < N; n++) acc[i][n] = Product::multiplyAdd(input, weights[n], acc[i][n]);
      }
    }
  }

  // The chains over all prefix inputs, from `sums` [kRowsAtOnce][N vectors] on. By itself, so that the compiler has all registers for them.
  // AHEAD: cache lines to bring closer with each block of inputs.
  template <int AHEAD>
  static PFF_NOINLINE void chain(const float* x, const float* weights, const float* next, Index prefix, float* sums) {
    Vec acc[kRowsAtOnce][N];
    loadSums<N>(acc, sums);
    const Index full = prefix / kBlock;
    for (Index p = 0; p < full; p++, x += kTile / Product::kPair, weights += kWords * N * kLanes) {
      PFF_UNROLL
      for (int l = 0; l < AHEAD; l++) prefetchFar(next + l * kLineFloats);
      next += AHEAD * kLineFloats;
      multiply<kWords>(acc, x, weights);
    }
    const Index left = blocksOf(prefix % kBlock, Product::kPair);
    for (Index k = 0; k < left; k++) multiply<1>(acc, x + k, weights + k * N * kLanes);
    storeSums<N>(acc, sums);
  }

  template <int AHEAD>
  PFF_NOINLINE void run(Index b0) const {
    const Batch& batch = job.batch;
    Vec acc[kRowsAtOnce][N];
    PFF_UNROLL
    for (int n = 0; n < N; n++) {
      const Vec given = load(job.layer.bias + start + n * kLanes);
      const Vec bias = Product::kRounds ? dropSmallDelta(given) : given;
      PFF_UNROLL
      for (int i = 0; i < kRowsAtOnce; i++) acc[i][n] = bias;
    }
    const float* x = batch.x + b0 / kBlock * tilesStride(batch.prefix, Product::kPair) + b0 % kBlock * kWords;
    if (batch.at) {
      multiplyWindows<N, AHEAD, Product>(acc, batch, b0, w, ahead);
    } else if (Product::kTileOrder) {
      alignas(64) float sums[kRowsAtOnce * N * kLanes];
      storeSums<N>(acc, sums);
      const float* next = ahead;
      for (Index p = 0; p < batch.prefix; p += kTileTerms) {
        for (Index l = 0; l < AHEAD * kTileTerms / kBlock; l++, next += kLineFloats) prefetchFar(next);
        addTileBlock<N, kBlock, 1>(x + p * kBlock, kTile, w + p * N * kLanes, N * kLanes, batch.prefix - p, sums);
      }
      loadSums<N>(acc, sums);
    } else {
      alignas(64) float sums[kRowsAtOnce * N * kLanes];
      storeSums<N>(acc, sums);
      chain<AHEAD>(x, w, ahead, batch.prefix, sums);
      loadSums<N>(acc, sums);
    }

    const Index rows = batch.samples - b0 < kRowsAtOnce ? batch.samples - b0 : kRowsAtOnce;
    if (!batch.suffix.start) {
      PFF_UNROLL
      for (int i = 0; i < kRowsAtOnce; i++)
        if (i < rows) emit(rowAt(0, b0 + i), acc[i]);
      return;
    }
    alignas(64) float shared[kRowsAtOnce * N * kLanes];
    storeSums<N>(acc, shared);
    addSuffixes(b0, rows, shared);
  }

  // Each variant of each of these samples: a copy of the sums over the prefix, the suffix inputs, and on.
  void addSuffixes(Index b0, Index rows, const float* shared) const {
    const Batch& batch = job.batch;
    const float* suffixWeights = job.layer.w + start * job.layer.inputs + batch.prefix * N * kLanes;
    for (Index v = 0; v < batch.variants; v++) {
      const uint32_t* entry = batch.suffix.start + v * batch.samples + b0;
      Row row = rowAt(v, b0);
      for (Index i = 0; i < rows; i++) {
        Vec y[N];
        PFF_UNROLL
        for (int n = 0; n < N; n++) y[n] = load(shared + (i * N + n) * kLanes);
        for (uint32_t e = entry[i]; e < entry[i + 1]; e++) {
          const Vec value = all(batch.suffix.value[e]);
          const float* from = suffixWeights + batch.suffix.input[e] * N * kLanes;
          PFF_UNROLL
          for (int n = 0; n < N; n++) y[n] = fma(value, load(from + n * kLanes), y[n]);
        }
        emit(row, y);
        if (row.y) row.y += job.stride;
        if (row.lanes) row.lanes += kSumLanes;
      }
    }
  }
};

template <class Product>
struct ForwardItem {
  const ForwardJob& job;
  Index panel;
  Index b0;
  Index turn;   // which of `turns` blocks of samples this is, of those that share the panel while it is close
  Index turns;

  static constexpr Index kShares = kBlock / Product::kPair;

  template <int N>
  void run() const {
    const Layer& layer = job.layer;
    const Index start = panelStart(panel);
    const float* w = layer.operand + start * layer.operandRows;
    ForwardBlock<N, Product> block{job, start, panelOutputs(panel, layer.outputs), w, nullptr};
    // While a panel is used from the second-level cache, the next one comes from memory, a share with each of the first
    // blocks of samples: as many lines with each block of inputs as there are vectors in it, or more if there are few turns.
    const Index share = turns >= kShares ? 1 : blocksOf(kShares, turns);
    const bool wanted = panelStart(panel + 1) < layer.outputs && turn * share < kShares;
    const Index whole = job.batch.prefix / kBlock * kPanel;  // floats to fetch with a share of 1
    block.ahead = layer.operand + panelStart(panel + 1) * layer.operandRows + turn * share * whole;
    for (Index i = 0; i < kBlock && b0 + i < job.batch.samples; i += kRowsAtOnce) {
      if (!wanted || i > 0) {
        block.template run<0>(b0 + i);
      } else if (share == 1) {
        block.template run<kPanel / kLineFloats>(b0 + i);
      } else if (share <= 4) {
        block.template run<4 * kPanel / kLineFloats>(b0 + i);
      } else {
        block.template run<8 * kPanel / kLineFloats>(b0 + i);
      }
    }
  }
};

template <class Product>
void forwardBy(const ForwardJob& job, Index first, Index last) {
  const Index blocks = blocksOf(job.batch.samples, kBlock);
  const Index inChunk = job.batch.at ? blocks : forwardChunk(job.batch.prefix, Product::kForm);
  const Index panels = panelsOf(job.layer.outputs, kLanes);
  for (Index item = first; item < last; item++) {
    const Place at = placeOf(item, panels, blocks, inChunk, job.shares);
    ForwardItem<Product> one{job, at.panel, (at.chunk + at.block) * kBlock, at.block, at.chunkBlocks};
    withPanelVecs(panelOutputs(at.panel, job.layer.outputs), one);
  }
}

struct Forward {
  const ForwardJob& job;
  Index first;
  Index last;

  template <class Product>
  void run() const {
    forwardBy<Product>(job, first, last);
  }
};

void forward(const ForwardJob& job, Index first, Index last) {
  Forward items{job, first, last};
  withProduct(job.layer.precision, items);
}

}  // namespace
}  // namespace pff
