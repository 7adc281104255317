// Rules 4 and 5: the gradient of a block of 8 inputs by one panel of outputs is summed over the whole batch in registers,
// and the step (Adam's or SGD's) of those weights follows at once, so the gradient matrix is never written.
#pragma once
#include "adam.h"
#include "delta.h"
#include "products.h"
#include "sgd.h"
#include "tile-order.h"
#include "windows.h"

namespace pff {
namespace {

template <int N, class Step, class Product>
struct UpdatePanel {
  static constexpr Index kWidth = N * kLanes;
  static constexpr Index kTileWords = kTile / Product::kPair;
  static constexpr Index kWords = kBlock / Product::kPair;  // words of a column of a tile
  const UpdateJob& job;
  Index start;
  Index valid;
  float* s;         // [B][width]: deltas summed over the variants; then the operand made of them
  float* gradient;  // [1 + C][width]: of the bias, then of the suffix weights
  Step step;

  // `rows`: how many s has room for.
  UpdatePanel(const UpdateJob& job, Index panel, float* scratch, Index rows)
      : job(job), start(panelStart(panel)), valid(panelOutputs(panel, job.layer.outputs)), s(scratch),
        gradient(scratch + rows * kWidth), step(job.rule) {}

  // Fills s, and the gradient of bias and suffix weights.
  void sumDeltas() {
    if (job.parts.sums) {
      takeDeltas();
      return;
    }
    const Batch& batch = job.batch;
    const Index suffixInputs = job.layer.inputs - batch.prefix;
    for (Index j = 0; j < suffixInputs * kWidth; j++) gradient[kWidth + j] = 0.0f;
    Vec bias[N];
    PFF_UNROLL
    for (int n = 0; n < N; n++) bias[n] = zero();
    for (Index v = 0; v < batch.variants; v++) {
      for (Index b = 0; b < batch.samples; b++) {
        const Index r = v * batch.samples + b;
        Vec d[N];
        loadDelta<N>(d, job.delta, job.layer.outputs, r, start, valid);
        PFF_UNROLL
        for (int n = 0; n < N; n++) {
          float* sum = s + b * kWidth + n * kLanes;
          store(sum, v == 0 ? d[n] : add(load(sum), d[n]));
          bias[n] = add(bias[n], d[n]);
        }
        if (!batch.suffix.start) continue;
        for (uint32_t e = batch.suffix.start[r]; e < batch.suffix.start[r + 1]; e++) {
          const Vec value = all(batch.suffix.value[e]);
          float* g = gradient + (1 + static_cast<Index>(batch.suffix.input[e])) * kWidth;
          PFF_UNROLL
          for (int n = 0; n < N; n++) store(g + n * kLanes, fma(value, d[n], load(g + n * kLanes)));
        }
      }
    }
    PFF_UNROLL
    for (int n = 0; n < N; n++) store(gradient + n * kLanes, bias[n]);
    if (Product::kRounds) storeOperand<Product, N>(s, s, batch.samples);
  }

  // Of a part of a batch: only s, for the gradient of bias and suffix weights comes from the caller.
  void takeDeltas() {
    const Index samples = job.batch.samples;
    for (Index b = 0; b < samples; b++) {
      Vec d[N];
      loadDelta<N>(d, job.delta, job.layer.outputs, b, start, valid);
      PFF_UNROLL
      for (int n = 0; n < N; n++) store(s + b * kWidth + n * kLanes, d[n]);
    }
    if (Product::kRounds) storeOperand<Product, N>(s, s, samples);
    if (!job.parts.last) return;
    const Index width = roundUp(job.layer.outputs, kLanes);
    for (Index j = 0; j < 1 + job.layer.inputs - job.batch.prefix; j++) {
      PFF_UNROLL
      for (int n = 0; n < N; n++)
        store(gradient + j * kWidth + n * kLanes, load(job.parts.others + j * width + start + n * kLanes));
    }
  }

  // Sums of the weights from prefix input p0 on, of the parts of the batch before this one.
  inline float* partSums(Index p0) const {
    return job.parts.sums ? job.parts.sums + start * job.parts.rows + p0 * kWidth : nullptr;
  }

  void stepBiasAndSuffix() const {
    if (!job.parts.last) return;
    const Layer& layer = job.layer;
    if (!job.fixedBias)
      step.template row<N, false>(gradient, layer.bias + start, layer.biasM + start, layer.biasV + start);
    const Index prefix = job.batch.prefix;
    for (Index c = 0; c < layer.inputs - prefix; c++) {
      const Index at = start * layer.inputs + (prefix + c) * kWidth;
      step.template row<N, true>(gradient + (1 + c) * kWidth, layer.w + at, layer.m + at, layer.v + at);
    }
  }

  void stepInputs(Index block) const {
    const Layer& layer = job.layer;
    const Batch& batch = job.batch;
    for (Index i0 = 0; i0 < kBlock; i0 += kRowsAtOnce) {
      const Index p0 = block * kBlock + i0;
      if (p0 >= batch.prefix) return;
      const Index at = start * layer.inputs + p0 * kWidth;
      float* const sums = partSums(p0);
      if (sums && !job.parts.last) {
        sumGradientAhead(batch.xGradient + block * kTileWords + i0, at + kRowsAtOnce * kWidth, job.parts.first ? nullptr : sums, sums);
        continue;
      }
      alignas(64) float g[kRowsAtOnce * kWidth];
      sumGradientAhead(batch.xGradient + block * kTileWords + i0, at + kRowsAtOnce * kWidth, job.parts.first ? nullptr : sums, g);
      const Index rows = batch.prefix - p0 < kRowsAtOnce ? batch.prefix - p0 : kRowsAtOnce;
      if (Step::decays(job.rule)) {
        stepRows<true>(g, p0, rows);
      } else {
        stepRows<false>(g, p0, rows);
      }
    }
  }

  // The part of a batch whose rows are read where they lie. Few rows at a time, so that their deltas stay in the first-level cache.
  void stepWindows(Index first, Index last) const {
    const Batch& batch = job.batch;
    constexpr Index kFew = 128;
    for (Index b0 = 0; b0 < batch.samples; b0 += kFew) {
      const Index count = batch.samples - b0 < kFew ? batch.samples - b0 : kFew;
      for (Index p0 = first * kBlock; p0 < last * kBlock; p0 += kRowsAtOnce) {
        const WindowRows rows{batch.xGradient + batch.taps[p0 / kBlock] + p0 % kBlock, batch.at + b0, count};
        sumWindows<N>(rows, s + b0 * kWidth, job.parts.first && b0 == 0, partSums(p0));
      }
    }
    if (!job.parts.last) return;
    for (Index p0 = first * kBlock; p0 < last * kBlock; p0 += kRowsAtOnce) {
      if (Step::decays(job.rule)) {
        stepRows<true>(partSums(p0), p0, kRowsAtOnce);
      } else {
        stepRows<false>(partSums(p0), p0, kRowsAtOnce);
      }
    }
  }

  template <bool DECAY>
  void stepRows(const float* g, Index p0, Index rows) const {
    const Layer& layer = job.layer;
    const Index at = start * layer.inputs + p0 * kWidth;
    float* w = layer.w + at;
    float* m = layer.m + at;
    float* v = layer.v + at;
    // A copy that no store can reach, or its constants would be read again after each.
    const Step constants = step;
    for (Index j = 0; j < rows * kWidth; j += kWidth)
      constants.template row<N, DECAY>(g + j, w + j, m + j, v + j);
    if (Product::kRounds)
      storeOperand<Product, N>(layer.operand + start * layer.operandRows + p0 / Product::kPair * kWidth, w, rows, layer.streams);
  }

  // How many cache lines of weights, and of each moment, must be fetched with every 8 samples to have the next block in time.
  void sumGradientAhead(const float* x, Index next, const float* from, float* g) const {
    constexpr Index lines = kRowsAtOnce * kWidth / kLineFloats;
    const Index ahead = job.batch.samples > 0 ? blocksOf(lines, blocksOf(job.batch.samples, kBlock)) : 1;
    if (ahead <= 1) {
      sumGradient<1>(x, next, from, g);
    } else if (ahead <= 2) {
      sumGradient<2>(x, next, from, g);
    } else if (ahead <= 3) {
      sumGradient<3>(x, next, from, g);
    } else {
      sumGradient<6>(x, next, from, g);
    }
  }

  // The chains over the batch, from `from` (null for 0), into g. By itself, so that the compiler has all registers for the sums. Meanwhile the next
  // block's weights and moments come closer; so few at a time, and their number fixed, because every instruction that
  // counts takes turns with a multiply-add.
  template <int AHEAD>
  PFF_NOINLINE void sumGradient(const float* x, Index next, const float* from, float* g) const {
    const Index samples = job.batch.samples;
    const Index xStride = tilesStride(job.batch.prefix, Product::kPair);
    if (Product::kTileOrder) {
      sumTiles<AHEAD>(x, xStride, next, from, g);
      return;
    }
    const float* nextW = job.layer.w + next;
    const float* nextM = job.layer.m + next;
    const float* nextV = job.layer.v + next;
    const float* d = s;
    Vec acc[kRowsAtOnce][N];
    PFF_UNROLL
    for (int i = 0; i < kRowsAtOnce; i++) {
      PFF_UNROLL
      for (int n = 0; n < N; n++) acc[i][n] = from ? load(from + i * kWidth + n * kLanes) : zero();
    }
    const float* const end = s + samples / kBlock * kWords * kWidth;
    for (Index at = 0; d != end; x += xStride, d += kWords * kWidth, at += AHEAD * kLineFloats) {
      PFF_UNROLL
      for (int l = 0; l < AHEAD; l++) {
        prefetchFar(nextW + at + l * kLineFloats);
        prefetchFar(nextM + at + l * kLineFloats);
        if (Step::kUsesMoment2) prefetchFar(nextV + at + l * kLineFloats);
      }
      // The next block's inputs lie beside this one's, a line for every two samples.
      PFF_UNROLL
      for (int l = 0; l < kWords / 2; l++) prefetchNear(x + kTileWords + l * kLineFloats);
      multiply<kWords>(acc, x, d);
    }
    const Index left = blocksOf(samples % kBlock, Product::kPair);
    for (Index k = 0; k < left; k++, x += kBlock, d += kWidth) multiply<1>(acc, x, d);
    PFF_UNROLL
    for (int i = 0; i < kRowsAtOnce; i++) {
      PFF_UNROLL
      for (int n = 0; n < N; n++) store(g + i * kWidth + n * kLanes, acc[i][n]);
    }
  }

  // The same in the tile order.
  template <int AHEAD>
  void sumTiles(const float* x, Index xStride, Index next, const float* from, float* g) const {
    const Index samples = job.batch.samples;
    for (Index j = 0; j < kRowsAtOnce * kWidth; j++) g[j] = from ? from[j] : 0.0f;
    for (Index b = 0; b < samples; b += kTileTerms) {
      for (Index l = 0; l < AHEAD * kTileTerms / kBlock; l++, next += kLineFloats) {
        prefetchFar(job.layer.w + next);
        prefetchFar(job.layer.m + next);
        if (Step::kUsesMoment2) prefetchFar(job.layer.v + next);
      }
      addTileBlock<N, 1, kBlock>(x + b / kBlock * xStride, xStride, s + b * kWidth, kWidth, samples - b, g);
    }
  }

  template <int K>
  static PFF_INLINE void multiply(Vec (&acc)[kRowsAtOnce][N], const float* x, const float* d) {
    PFF_UNROLL_TERMS
    for (int k = 0; k < K; k++) {
      Vec delta[N];
      PFF_UNROLL
      for (int n = 0; n < N; n++) delta[n] = load(d + k * kWidth + n * kLanes);
      PFF_UNROLL
      for (int i = 0; i < kRowsAtOnce; i++) {
        const Vec input = all(x[k * kBlock + i]);
        PFF_UNROLL
        for (int n = 0; n < N; n++) acc[i][n] = Product::multiplyAdd(input, delta[n], acc[i][n]);
      }
    }
  }
};

// Some blocks of inputs of one panel.
template <class Step, class Product>
struct UpdateRange {
  const UpdateJob& job;
  Index panel;
  Index first;
  Index last;
  float* scratch;

  template <int N>
  void run() const {
    UpdatePanel<N, Step, Product> one(job, panel, scratch, job.batch.samples);
    one.sumDeltas();
    if (first == 0) one.stepBiasAndSuffix();
    if (job.batch.at) {
      one.stepWindows(first, last);
      return;
    }
    for (Index block = first; block < last; block++) one.stepInputs(block);
  }
};

template <class Step, class Product>
void updateBy(const UpdateJob& job, Index first, Index last, float* scratch) {
  const Index blocks = inputBlocks(job.batch.prefix, Product::kForm);
  const Index inChunk = job.batch.at ? blocks : updateChunk(job.batch.samples, Product::kForm);
  const Index panels = panelsOf(job.layer.outputs, kLanes);
  while (first < last) {
    const Place at = placeOf(first, panels, blocks, inChunk, job.shares);
    const Index left = at.chunkBlocks - at.block;
    const Index count = left < last - first ? left : last - first;
    const Index block = at.chunk + at.block;
    UpdateRange<Step, Product> range{job, at.panel, block, block + count, scratch};
    withPanelVecs(panelOutputs(at.panel, job.layer.outputs), range);
    first += count;
  }
}

template <class Step>
struct Update {
  const UpdateJob& job;
  Index first;
  Index last;
  float* scratch;

  template <class Product>
  void run() const {
    updateBy<Step, Product>(job, first, last, scratch);
  }
};

template <class Step>
void updateIn(const UpdateJob& job, Index first, Index last, float* scratch) {
  Update<Step> items{job, first, last, scratch};
  withProduct(job.layer.precision, items);
}

void update(const UpdateJob& job, Index first, Index last, float* scratch) {
  if (job.rule.kind == Rule::kSgd) {
    updateIn<SgdStep>(job, first, last, scratch);
  } else {
    updateIn<AdamStep>(job, first, last, scratch);
  }
  if (job.layer.streams) finishStreams();
}

}  // namespace
}  // namespace pff
