// Rule 1 in tile order by AMX: 32 samples by one panel of outputs at a time.
#pragma once
#include "../kernels/forward.h"
#include "multiply.h"

namespace pff {
namespace {

// Blocks of 32 samples that meet one panel, one after another.
struct TileForwardRange {
  const ForwardJob& job;
  Index panel;
  Index chunk;  // the first block of samples of those that share the panel while it is close
  Index turns;  // how many these are
  Index first;  // of them
  Index last;

  template <int N>
  void run() const {
    const Layer& layer = job.layer;
    const Index start = panelStart(panel);
    const float* w = layer.operand + start * layer.operandRows;
    const ForwardBlock<N, TileProduct> block{job, start, panelOutputs(panel, layer.outputs), w, nullptr};
    alignas(64) float bias[N * kLanes];
    for (int n = 0; n < N; n++) store(bias + n * kLanes, dropSmallDelta(load(layer.bias + start + n * kLanes)));
    const Index blocks = blocksOf(job.batch.prefix, kTileBlock);
    // The next panel comes from memory while this one is used from the second-level cache.
    const Index share = blocksOf(N * kTileRows * blocks, turns);
    const Index each = blocks > 0 && panelStart(panel + 1) < layer.outputs ? blocksOf(share, blocks) : 0;
    const float* nextPanel = w + N * kLanes * layer.operandRows;
    // While tiles multiply, the rows of the block before are finished.
    alignas(64) float sums[2][kTileBlock * N * kLanes];
    Index pending = 0;  // of its rows
    for (Index turn = first; turn < last; turn++) {
      const Index b0 = (chunk + turn) * kTileBlock;
      const TileOperands operands{job.batch.x + b0 * blocks * kTileRows, w, blocks};
      const Index rows = job.batch.samples - b0 < kTileBlock ? job.batch.samples - b0 : kTileBlock;
      float* now = sums[turn % 2];
      const float* before = sums[1 - turn % 2];
      const float* ahead = nextPanel + turn * share * kLineFloats;
      const auto meanwhile = [&](Index k) {
        for (Index l = k * each; l < (k + 1) * each; l++) prefetchFar(ahead + l * kLineFloats);
        for (Index i = pending * k / blocks; i < pending * (k + 1) / blocks; i++) finishRow<N>(block, before, b0 - kTileBlock, i);
      };
      finishStores();
      if (rows > kTileRows) {
        sumTiles<N, 2>(operands, bias, now, meanwhile);
      } else {
        sumTiles<N, 1>(operands, bias, now, meanwhile);
      }
      if (blocks == 0)
        for (Index i = 0; i < pending; i++) finishRow<N>(block, before, b0 - kTileBlock, i);
      pending = job.batch.suffix.start ? 0 : rows;
      if (job.batch.suffix.start) block.addSuffixes(b0, rows, now);
    }
    for (Index i = 0; i < pending; i++) finishRow<N>(block, sums[1 - last % 2], (chunk + last - 1) * kTileBlock, i);
  }

  template <int N, int HALVES, class Meanwhile>
  static inline void sumTiles(const TileOperands& operands, const float* bias, float* sums, const Meanwhile& meanwhile) {
    startTiles<N, HALVES>(bias);
    for (Index k = 0; k < operands.blocks; k++) {
      multiplyBlock<N, HALVES>(operands, k);
      meanwhile(k);
    }
    storeTiles<N, HALVES>(sums);
  }

  template <int N>
  static inline void finishRow(const ForwardBlock<N, TileProduct>& block, const float* sums, Index b0, Index i) {
    Vec y[N];
    PFF_UNROLL
    for (int n = 0; n < N; n++) y[n] = load(sums + (i * N + n) * kLanes);
    block.emit(block.rowAt(0, b0 + i), y);
  }
};

void forwardTiles(const ForwardJob& job, Index first, Index last) {
  const Session session;
  const Index inChunk = forwardChunk(job.batch.prefix, kTileForm);
  const Index blocks = blocksOf(job.batch.samples, kTileBlock);
  const Index panels = panelsOf(job.layer.outputs, kLanes);
  while (first < last) {
    const Place at = placeOf(first, panels, blocks, inChunk, job.shares);
    const Index left = at.chunkBlocks - at.block;
    const Index count = left < last - first ? left : last - first;
    TileForwardRange range{job, at.panel, at.chunk, at.chunkBlocks, at.block, at.block + count};
    withPanelVecs(panelOutputs(at.panel, job.layer.outputs), range);
    first += count;
  }
}

}  // namespace
}  // namespace pff
