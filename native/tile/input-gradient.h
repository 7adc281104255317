// Rule 6 in tile order by AMX: 32 inputs by a panel of rows of the batch; the terms are the outputs.
#pragma once
#include "../kernels/delta.h"
#include "multiply.h"
#include "pack.h"

namespace pff {
namespace {

// Where the deltas of a panel of rows lie: [pairs of outputs, up to a multiple of 32 outputs][vectors of rows].
inline float* deltaTiles(const InputGradientJob& job, Index rowPanel) {
  return job.transposed + panelStart(rowPanel) * roundUp(job.layer.outputs, kTileTerms);
}

struct DeltaPanel {
  const InputGradientJob& job;
  Index panel;

  template <int N>
  void run() const {
    const Index outputs = job.layer.outputs;
    float* to = deltaTiles(job, panel);
    for (Index o = 0; o < outputs; o += kTileTerms, to += N * kTileWords) {
      for (int n = 0; n < N; n++) {
        __m512i words[kTileRows];
        for (Index i = 0; i < kTileRows; i++) {
          const Index r = panelStart(panel) + n * kTileRows + i;
          words[i] = r < job.rows ? pairsOfRow(deltas(r, o), deltas(r, o + kLanes)) : _mm512_setzero_si512();
        }
        transpose16(words);
        for (Index i = 0; i < kTileRows; i++) _mm512_storeu_si512(to + (i * N + n) * kTileRows, words[i]);
      }
    }
  }

  inline __m512 deltas(Index r, Index o) const {
    const Index left = job.layer.outputs - o;
    if (left <= 0) return _mm512_setzero_ps();
    Vec d[1];
    loadDelta<1>(d, job.delta, job.layer.outputs, r, o, left < kLanes ? left : kLanes);
    return d[0].x;
  }
};

void transposeDeltaToTiles(const InputGradientJob& job, Index first, Index last) {
  for (Index panel = first; panel < last; panel++) {
    DeltaPanel one{job, panel};
    withPanelVecs(panelOutputs(panel, job.rows), one);
  }
}

struct TileInputGradient {
  const InputGradientJob& job;
  Index rowPanel;
  Index i0;

  template <int N>
  void run() const {
    const Layer& layer = job.layer;
    const float* deltas = deltaTiles(job, rowPanel);
    alignas(64) float weights[2][2 * kTileWords];
    zeroTiles<N, 2>();
    for (Index k = 0; k < blocksOf(layer.outputs, kTileTerms); k++) {
      float* rows = weights[k % 2];
      const Column column[2] = {columnAt(k * kTileTerms), columnAt(k * kTileTerms + kLanes)};
      const Column ahead[2] = {columnAt((k + kAhead) * kTileTerms), columnAt((k + kAhead) * kTileTerms + kLanes)};
      for (Index i = 0; i < kTileBlock; i++) {
        for (const Column& next : ahead)
          if (i < next.inputs) prefetchFar(next.weights + i * next.width);
        _mm512_store_si512(rows + i * kTileRows, pairsOfRow(column[0].at(i), column[1].at(i)));
      }
      finishStores();
      multiplyBlock<N, 2>({rows, deltas + k * N * kTileWords, 1}, 0);
    }
    alignas(64) float sums[kTileBlock * N * kLanes];
    storeTiles<N, 2>(sums);
    for (Index half = 0; half < kTileBlock; half += kTileRows)
      for (int n = 0; n < N; n++) writeTile<N>(sums + (half * N + n) * kLanes, i0 + half, n * kTileRows);
  }

  static constexpr Index kAhead = 4;  // blocks of outputs whose weights are on their way

  // Weights of these inputs to 16 outputs, as they lie in a panel.
  struct Column {
    const float* weights;
    Index width;
    Index inputs;  // that there are
    inline __m512 at(Index i) const { return i < inputs ? load(weights + i * width).x : _mm512_setzero_ps(); }
  };
  inline Column columnAt(Index o) const {
    const Layer& layer = job.layer;
    if (o >= layer.outputs) return {nullptr, 0, 0};
    const Index start = o / kPanel * kPanel;
    const Index width = roundUp(panelOutputs(o / kPanel, layer.outputs), kLanes);
    return {layer.w + start * layer.inputs + i0 * width + (o - start), width, layer.inputs - i0};
  }

  // 16 inputs by 16 rows of the batch, turned round. sums: [16 inputs][N vectors of rows]
  template <int N>
  inline void writeTile(const float* sums, Index input, Index row) const {
    const Index inputs = job.layer.inputs - input;
    if (inputs <= 0) return;
    __m512i tile[kTileRows];
    for (Index i = 0; i < kTileRows; i++) tile[i] = _mm512_castps_si512(load(sums + i * N * kLanes).x);
    transpose16(tile);
    const Index rows = job.rows - panelStart(rowPanel) - row;
    float* out = job.out + (panelStart(rowPanel) + row) * job.layer.inputs + input;
    for (Index r = 0; r < kTileRows && r < rows; r++, out += job.layer.inputs)
      storeFirst(out, Vec{_mm512_castsi512_ps(tile[r])}, inputs < kLanes ? inputs : kLanes);
  }
};

// (block of 32 inputs, panel of rows): the weights of a block stay in the second-level cache from panel to panel.
void inputGradientTiles(const InputGradientJob& job, Index first, Index last) {
  const Session session;
  const Index panels = blocksOf(job.rows, kPanel);
  for (Index item = first; item < last; item++) {
    TileInputGradient one{job, item % panels, item / panels * kTileBlock};
    withPanelVecs(panelOutputs(one.rowPanel, job.rows), one);
  }
}

}  // namespace
}  // namespace pff
