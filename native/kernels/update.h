// Rules 4 and 5: the gradient of a block of 8 inputs by one panel of outputs is summed over the whole batch in registers,
// and the Adam step of those weights follows at once, so the gradient matrix is never written.
#pragma once
#include "adam.h"
#include "delta.h"

namespace pff {
namespace {

template <int N>
struct UpdatePanel {
  static constexpr Index kWidth = N * kLanes;
  const UpdateJob& job;
  Index start;
  Index valid;
  float* s;         // [B][width]: deltas summed over the variants
  float* gradient;  // [1 + C][width]: of the bias, then of the suffix weights
  AdamVecs adam;

  UpdatePanel(const UpdateJob& job, Index panel, float* scratch)
      : job(job), start(panelStart(panel)), valid(panelOutputs(panel, job.layer.outputs)), s(scratch),
        gradient(scratch + job.batch.samples * kWidth), adam(job.rule, true) {}

  // Fills s, and the gradient of bias and suffix weights.
  void sumDeltas() {
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
  }

  void stepBiasAndSuffix() const {
    const Layer& layer = job.layer;
    Vec g[N];
    loadRow<N>(g, gradient, kWidth);
    adamRow<N>(AdamVecs(job.rule, false), g, layer.bias + start, layer.biasM + start, layer.biasV + start);
    const Index prefix = job.batch.prefix;
    for (Index c = 0; c < layer.inputs - prefix; c++) {
      loadRow<N>(g, gradient + (1 + c) * kWidth, kWidth);
      const Index at = start * layer.inputs + (prefix + c) * kWidth;
      adamRow<N>(adam, g, layer.w + at, layer.m + at, layer.v + at);
    }
  }

  void stepInputs(Index block) const {
    const Layer& layer = job.layer;
    const Batch& batch = job.batch;
    for (Index i0 = 0; i0 < kBlock; i0 += kRowsAtOnce) {
      const Index p0 = block * kBlock + i0;
      if (p0 >= batch.prefix) return;
      Vec acc[kRowsAtOnce][N];
      PFF_UNROLL
      for (int i = 0; i < kRowsAtOnce; i++) {
        PFF_UNROLL
        for (int n = 0; n < N; n++) acc[i][n] = zero();
      }
      const float* x = batch.x + block * batch.stride * kBlock + i0;
      const float* d = s;
      const Index at = start * layer.inputs + p0 * kWidth;
      // The next block's weights and moments come closer meanwhile.
      constexpr Index lines = kRowsAtOnce * kWidth / kLineFloats;
      const Index next = at + kRowsAtOnce * kWidth;
      Index line = 0;
      const Index groups = blocksOf(batch.samples, 4);
      const Index perGroup = blocksOf(lines, groups);
      Index b = 0;
      for (; b + 4 <= batch.samples; b += 4, x += 4 * kBlock, d += 4 * kWidth) {
        for (Index l = 0; l < perGroup; l++, line++) {
          prefetchWrite(layer.w + next + line * kLineFloats);
          prefetchWrite(layer.m + next + line * kLineFloats);
          prefetchWrite(layer.v + next + line * kLineFloats);
        }
        multiply<4>(acc, x, d);
      }
      for (; b < batch.samples; b++, x += kBlock, d += kWidth) multiply<1>(acc, x, d);
      const Index rows = batch.prefix - p0;
      PFF_UNROLL
      for (int i = 0; i < kRowsAtOnce; i++) {
        if (i < rows)
          adamRow<N>(adam, acc[i], layer.w + at + i * kWidth, layer.m + at + i * kWidth, layer.v + at + i * kWidth);
      }
    }
  }

  template <int K>
  static inline void multiply(Vec (&acc)[kRowsAtOnce][N], const float* x, const float* d) {
    PFF_UNROLL
    for (int k = 0; k < K; k++) {
      Vec delta[N];
      PFF_UNROLL
      for (int n = 0; n < N; n++) delta[n] = load(d + k * kWidth + n * kLanes);
      PFF_UNROLL
      for (int i = 0; i < kRowsAtOnce; i++) {
        const Vec input = all(x[k * kBlock + i]);
        PFF_UNROLL
        for (int n = 0; n < N; n++) acc[i][n] = fma(input, delta[n], acc[i][n]);
      }
    }
  }
};

// Some blocks of inputs of one panel.
struct UpdateRange {
  const UpdateJob& job;
  Index panel;
  Index first;
  Index last;
  float* scratch;

  template <int N>
  void run() const {
    UpdatePanel<N> one(job, panel, scratch);
    one.sumDeltas();
    if (first == 0) one.stepBiasAndSuffix();
    for (Index block = first; block < last; block++) one.stepInputs(block);
  }
};

void update(const UpdateJob& job, Index first, Index last, float* scratch) {
  const Index blocks = inputBlocks(job.batch.prefix);
  while (first < last) {
    const Index panel = first / blocks;
    const Index end = (panel + 1) * blocks < last ? (panel + 1) * blocks : last;
    UpdateRange range{job, panel, first - panel * blocks, end - panel * blocks, scratch};
    withPanelVecs(panelOutputs(panel, job.layer.outputs), range);
    first = end;
  }
}

}  // namespace
}  // namespace pff
