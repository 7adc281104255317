// The input gradient of a convolution (rule 8) by AMX, without patches: each pixel gathers from the deltas of the positions that see it. These
// lie as bf16 in a frame, so that the deltas that 16 neighbouring pixels meet at one place of the window are a tile as they lie.
#pragma once
#include "multiply.h"
#include "pack.h"

namespace pff {
namespace {

// Channels that enter, in panels of nearly the same width: one of a single vector would be bound by loads.
struct SpreadPanels {
  Index channels;
  Index vectors() const { return blocksOf(channels, kLanes); }
  Index count() const { return blocksOf(vectors(), kPanelVecs); }
  Index start(Index panel) const { return vectors() * panel / count() * kLanes; }
  Index size(Index panel) const { return (panel + 1 < count() ? start(panel + 1) : channels) - start(panel); }
};

// The weights of a panel at one place: [blocks of 32 outputs][16 pairs of outputs][N vectors of channels].
inline float* turnedPanel(const TurnJob& job, Index place, Index start) {
  const Index rows = roundUp(job.layer.outputs, kTileTerms) / 2;
  return job.turned + (place * roundUp(job.channels, kLanes) + start) * rows;
}

// Places in the window. As f32 weights lie in panels of outputs, 16 outputs of a channel are side by side.
void turnToTiles(const TurnJob& job, Index first, Index last) {
  const Layer& layer = job.layer;
  const SpreadPanels panels{job.channels};
  const auto vector = [&](Index input, Index o) {
    if (o >= layer.outputs) return _mm512_setzero_ps();
    const Index start = o / kPanel * kPanel;
    const Index width = roundUp(panelOutputs(o / kPanel, layer.outputs), kLanes);
    return load(layer.w + start * layer.inputs + input * width + (o - start)).x;
  };
  for (Index place = first; place < last; place++) {
    for (Index panel = 0; panel < panels.count(); panel++) {
      const Index start = panels.start(panel);
      const Index vectors = blocksOf(panels.size(panel), kLanes);
      float* to = turnedPanel(job, place, start);
      for (Index o = 0; o < layer.outputs; o += kTileTerms, to += vectors * kTileWords) {
        for (Index n = 0; n < vectors; n++) {
          __m512i words[kTileRows];
          for (Index i = 0; i < kTileRows; i++) {
            const Index c = start + n * kLanes + i;
            const Index input = place * job.channels + c;
            words[i] = c < job.channels ? pairsOfRow(vector(input, o), vector(input, o + kLanes)) : _mm512_setzero_si512();
          }
          transpose16(words);
          for (Index i = 0; i < kTileRows; i++) _mm512_storeu_si512(to + (i * vectors + n) * kTileRows, words[i]);
        }
      }
    }
  }
}

// Fills the frame: [blocks of 32 outputs][rows][columns][images][16 pairs of outputs], with zeros around the positions.
inline void frameDeltas(const SpreadTilesJob& job) {
  const Index outputs = job.weights.layer.outputs;
  const Index border = job.kernel - 1 - job.padding;
  const __m512i none = _mm512_setzero_si512();
  float* to = job.frame;
  for (Index o = 0; o < outputs; o += kTileTerms) {
    const Index firstHalf = outputs - o < kLanes ? outputs - o : kLanes;
    const Index secondHalf = outputs - o - firstHalf < kLanes ? outputs - o - firstHalf : kLanes;
    const auto half = [](const float* from, Index count) {
      return dropSmallDelta(count == kLanes ? load(from) : loadFirst(from, count)).x;
    };
    for (Index row = 0; row < job.frameHeight(); row++) {
      const Index y = row - border;
      for (Index column = 0; column < job.frameWidth(); column++) {
        const Index x = column - border;
        const bool inside = y >= 0 && x >= 0 && y < job.outHeight && x < job.outWidth;
        const float* from = job.delta + (y * job.outWidth + x) * job.deltaStride + o;
        for (Index image = 0; image < job.together; image++, to += kTileRows) {
          if (!inside || image >= job.images) {
            _mm512_storeu_si512(to, none);
            continue;
          }
          const float* values = from + image * job.outHeight * job.outWidth * job.deltaStride;
          _mm512_storeu_si512(to, pairsOfRow(half(values, firstHalf), half(values + firstHalf, secondHalf)));
        }
      }
    }
  }
}

struct SpreadTiles {
  const SpreadTilesJob& job;
  Index start;  // of the panel of channels
  Index valid;

  // Pixels that go through all places together: their sums stay in the first-level cache, and so do the weights of a place.
  static constexpr Index kPairs = 4;  // of tiles

  // Where a tile of pixels begins: those of a row lie side by side, each `together` times.
  inline Index rowTiles() const { return job.width * job.together / kTileRows; }
  inline const float* deltasAt(Index tile, Index place) const {
    const Index row = tile / rowTiles() + job.kernel - 1 - place / job.kernel;
    const Index column = (job.kernel - 1 - place % job.kernel) * job.together + tile % rowTiles() * kTileRows;
    return job.frame + (row * job.frameWidth() * job.together + column) * kTileRows;
  }

  template <int N>
  void run() const {
    const Index tiles = job.height * rowTiles();
    for (Index tile = 0; tile < tiles; tile += 2 * kPairs) chunk<N>(tile, tiles - tile < 2 * kPairs ? tiles - tile : 2 * kPairs);
  }

  template <int N>
  void chunk(Index firstTile, Index tiles) const {
    constexpr Index kSums = kTileBlock * N * kLanes;
    alignas(64) float sums[kPairs * kSums];
    alignas(64) float products[2][kSums];
    const Index blocks = blocksOf(job.weights.layer.outputs, kTileTerms);
    const Index plane = job.frameHeight() * job.frameWidth() * job.together * kTileRows;
    const Index pairs = blocksOf(tiles, 2);
    // While tiles multiply, the products before are added up.
    float* pendingSums = sums;
    Index pending = 0;  // of their values
    bool fresh = true;
    Index turn = 0;
    const auto addUp = [&](Index from, Index until) {
      const float* product = products[1 - turn % 2];
      for (Index j = from; j < until; j += kLanes)
        store(pendingSums + j, add(fresh ? zero() : load(pendingSums + j), load(product + j)));
    };
    finishStores();
    if (blocks == 1) {
      // Each product is one block: tiles add them up in the same order.
      for (Index pair = 0; pair < pairs; pair++) {
        zeroTiles<N, 2>();
        for (Index place = 0; place < job.kernel * job.kernel; place++) {
          const float* first = deltasAt(firstTile + 2 * pair, place);
          const float* second = 2 * pair + 1 < tiles ? deltasAt(firstTile + 2 * pair + 1, place) : first;
          multiplyTiles<N, 2>(first, second, turnedPanel(job.weights, place, start));
        }
        storeTiles<N, 2>(sums + pair * kSums);
      }
    }
    for (Index place = 0; blocks > 1 && place < job.kernel * job.kernel; place++) {
      const float* weights = turnedPanel(job.weights, place, start);
      for (Index pair = 0; pair < pairs; pair++, turn++) {
        const Index tile = firstTile + 2 * pair;
        const float* first = deltasAt(tile, place);
        const float* second = 2 * pair + 1 < tiles ? deltasAt(tile + 1, place) : first;
        zeroTiles<N, 2>();
        for (Index k = 0; k < blocks; k++) {
          multiplyTiles<N, 2>(first + k * plane, second + k * plane, weights + k * N * kTileWords);
          addUp(pending * k / blocks / kLanes * kLanes, pending * (k + 1) / blocks / kLanes * kLanes);
        }
        storeTiles<N, 2>(products[turn % 2]);
        pendingSums = sums + pair * kSums;
        pending = kSums;
        fresh = place == 0;
      }
    }
    addUp(0, pending);
    for (Index i = 0; i < tiles * kTileRows; i++) writePixel<N>(firstTile + i / kTileRows, i % kTileRows, sums + i * N * kLanes);
  }

  template <int N>
  inline void writePixel(Index tile, Index row, const float* sums) const {
    const Index at = tile % rowTiles() * kTileRows + row;
    const Index image = at % job.together;
    if (image >= job.images) return;
    Vec values[N];
    PFF_UNROLL
    for (int n = 0; n < N; n++) values[n] = load(sums + n * kLanes);
    const Index pixel = (image * job.height + tile / rowTiles()) * job.width + at / job.together;
    storeRow<N>(job.out + pixel * job.stride + start, values, valid);
  }
};

void spreadTiles(const SpreadTilesJob& job) {
  const Session session;
  frameDeltas(job);
  const SpreadPanels panels{job.weights.channels};
  for (Index panel = 0; panel < panels.count(); panel++) {
    SpreadTiles one{job, panels.start(panel), panels.size(panel)};
    withPanelVecs(one.valid, one);
  }
}

}  // namespace
}  // namespace pff
