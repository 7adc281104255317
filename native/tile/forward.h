// Rule 1 in tile order by AMX: 32 samples by one panel of outputs at a time.
#pragma once
#include "../kernels/forward.h"
#include "multiply.h"

namespace pff {
namespace {

struct TileForwardItem {
  const ForwardJob& job;
  Index panel;
  Index b0;

  template <int N>
  void run() const {
    const Batch& batch = job.batch;
    const Layer& layer = job.layer;
    const Index start = panelStart(panel);
    const Index blocks = blocksOf(batch.prefix, kTileBlock);
    alignas(64) float bias[N * kLanes];
    for (int n = 0; n < N; n++) store(bias + n * kLanes, dropSmallDelta(load(layer.bias + start + n * kLanes)));
    const float* w = layer.operand + start * layer.operandRows;
    const TileOperands operands{batch.x + b0 * blocks * kTileRows, w, blocks};
    const Index rows = batch.samples - b0 < kTileBlock ? batch.samples - b0 : kTileBlock;
    alignas(64) float sums[kTileBlock * N * kLanes];
    finishStores();
    if (rows > kTileRows) {
      startTiles<N, 2>(bias);
      multiplyTiles<N, 2>(operands);
      storeTiles<N, 2>(sums);
    } else {
      startTiles<N, 1>(bias);
      multiplyTiles<N, 1>(operands);
      storeTiles<N, 1>(sums);
    }
    const ForwardBlock<N, TileProduct> block{job, start, panelOutputs(panel, layer.outputs), w, nullptr};
    if (batch.suffix.start) {
      block.addSuffixes(b0, rows, sums);
      return;
    }
    for (Index i = 0; i < rows; i++) {
      Vec y[N];
      PFF_UNROLL
      for (int n = 0; n < N; n++) y[n] = load(sums + (i * N + n) * kLanes);
      block.emit(block.rowAt(0, b0 + i), y);
    }
  }
};

void forwardTiles(const ForwardJob& job, Index first, Index last) {
  const Session session;
  const Index inChunk = forwardChunk(job.batch.prefix, kTileForm);
  const Index blocks = blocksOf(job.batch.samples, kTileBlock);
  const Index panels = panelsOf(job.layer.outputs, kLanes);
  for (Index item = first; item < last; item++) {
    const Place at = placeOf(item, panels, blocks, inChunk, job.shares);
    TileForwardItem one{job, at.panel, (at.chunk + at.block) * kTileBlock};
    withPanelVecs(panelOutputs(at.panel, job.layer.outputs), one);
  }
}

}  // namespace
}  // namespace pff
