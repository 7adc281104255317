// Rules 4 and 5 in tile order by AMX: the gradient of 32 inputs by one panel of outputs is summed in tiles, and the step of
// those weights follows while the next ones come closer.
#pragma once
#include "../kernels/update.h"
#include "multiply.h"
#include "pack.h"

namespace pff {
namespace {

// As UpdatePanel sums the deltas, but its operand is made here.
using UnroundedProduct = SingleProduct<false>;

template <class Step>
struct TileUpdateRange {
  const UpdateJob& job;
  Index panel;
  Index first;  // blocks of 32 inputs
  Index last;
  float* scratch;

  template <int N>
  void run() const {
    constexpr Index kWidth = N * kLanes;
    UpdatePanel<N, Step, UnroundedProduct> one(job, panel, scratch, roundUp(job.batch.samples, kTileBlock));
    one.sumDeltas();
    storePairs<N>(one.s, one.s, job.batch.samples, false);
    const Index pairs = blocksOf(job.batch.samples, 2);
    const Index padded = roundUp(job.batch.samples, kTileBlock) / 2;
    for (Index j = pairs * kWidth; j < padded * kWidth; j++) one.s[j] = 0.0f;
    if (first == 0) one.stepBiasAndSuffix();
    if (job.batch.prefix == 0) return;
    if (job.parts.sums) {
      sumPart<N>(one);
      return;
    }
    // The sums of one block are in tiles while the weights of the one before are stepped: tiles, arithmetic and memory
    // are busy at the same time.
    alignas(64) float g[2][kTileBlock * kWidth];
    finishStores();
    zeroTiles<N, 2>();
    const TileOperands operands = operandsOf(one.s, first);
    for (Index k = 0; k < operands.blocks; k++) multiplyBlock<N, 2>(operands, k);
    storeTiles<N, 2>(g[0]);
    for (Index block = first; block < last; block++) {
      const float* now = g[(block - first) % 2];
      const TileOperands next = block + 1 < last ? operandsOf(one.s, block + 1) : TileOperands{nullptr, nullptr, 0};
      zeroTiles<N, 2>();
      if (Step::decays(job.rule)) {
        stepBlock<N, true>(one, block, now, next);
      } else {
        stepBlock<N, false>(one, block, now, next);
      }
      storeTiles<N, 2>(g[(block - first + 1) % 2]);
    }
  }

  // One part of a batch: its sums go on from those before, and the step is taken after the last.
  template <int N>
  void sumPart(const UpdatePanel<N, Step, UnroundedProduct>& one) const {
    alignas(64) float g[kTileBlock * N * kLanes];
    finishStores();
    for (Index block = first; block < last; block++) {
      float* const sums = one.partSums(block * kTileBlock);
      const TileOperands operands = operandsOf(one.s, block);
      if (job.parts.first) {
        zeroTiles<N, 2>();
      } else {
        loadTiles<N, 2>(sums);
      }
      for (Index k = 0; k < operands.blocks; k++) multiplyBlock<N, 2>(operands, k);
      if (!job.parts.last) {
        storeTiles<N, 2>(sums);
        continue;
      }
      storeTiles<N, 2>(g);
      const TileOperands none{nullptr, nullptr, 0};
      if (Step::decays(job.rule)) {
        stepBlock<N, true>(one, block, g, none);
      } else {
        stepBlock<N, false>(one, block, g, none);
      }
    }
  }

  TileOperands operandsOf(const float* s, Index block) const {
    const Index blocks = blocksOf(job.batch.samples, kTileBlock);
    return {job.batch.xGradient + block * blocks * 2 * kTileWords, s, blocks};
  }

  // Steps the weights of a block by their gradient g, and multiplies the next block's operands between its rows.
  template <int N, bool DECAY>
  void stepBlock(const UpdatePanel<N, Step, UnroundedProduct>& one, Index block, const float* g,
                 const TileOperands& next) const {
    constexpr Index kWidth = N * kLanes;
    const Layer& layer = job.layer;
    const Index p0 = block * kTileBlock;
    const Index rows = job.batch.prefix - p0 < kTileBlock ? job.batch.prefix - p0 : kTileBlock;
    const Index at = one.start * layer.inputs + p0 * kWidth;
    float* w = layer.w + at;
    float* m = layer.m + at;
    float* v = layer.v + at;
    float* operand = layer.operand + one.start * layer.operandRows + p0 / 2 * kWidth;
    // A copy that no store can reach, or its constants would be read again after each.
    const Step constants = one.step;
    for (Index i = 0; i < rows; i += 2) {
      const Index pair = rows - i < 2 ? 1 : 2;
      for (Index k = i * next.blocks / kTileBlock; k < (i + 2) * next.blocks / kTileBlock; k++)
        multiplyBlock<N, 2>(next, k);
      for (Index j = i * kWidth; j < (i + pair) * kWidth; j += kWidth) {
        PFF_UNROLL
        for (int n = 0; n < N; n++) {
          const Index ahead = j + n * kLanes + kAhead;
          prefetchFar(w + ahead);
          prefetchFar(m + ahead);
          if (Step::kUsesMoment2) prefetchFar(v + ahead);
        }
        constants.template row<N, DECAY>(g + j, w + j, m + j, v + j);
      }
      storePairs<N>(operand + i / 2 * kWidth, w + i * kWidth, pair, layer.streams);
    }
  }

  // Floats of weights and of each moment that are on their way.
  static constexpr Index kAhead = kTileBlock * kPanel;
};

template <class Step>
void updateTilesBy(const UpdateJob& job, Index first, Index last, float* scratch) {
  const Index inChunk = updateChunk(job.batch.samples, kTileForm);
  const Index blocks = inputBlocks(job.batch.prefix, kTileForm);
  const Index panels = panelsOf(job.layer.outputs, kLanes);
  while (first < last) {
    const Place at = placeOf(first, panels, blocks, inChunk, job.shares);
    const Index left = at.chunkBlocks - at.block;
    const Index count = left < last - first ? left : last - first;
    const Index block = at.chunk + at.block;
    TileUpdateRange<Step> range{job, at.panel, block, block + count, scratch};
    withPanelVecs(panelOutputs(at.panel, job.layer.outputs), range);
    first += count;
  }
}

void updateTiles(const UpdateJob& job, Index first, Index last, float* scratch) {
  const Session session;
  if (job.rule.kind == Rule::kSgd) {
    updateTilesBy<SgdStep>(job, first, last, scratch);
  } else {
    updateTilesBy<AdamStep>(job, first, last, scratch);
  }
  if (job.layer.streams) finishStreams();
}

}  // namespace
}  // namespace pff
