// Products of tiles: 16 or 32 rows (samples or inputs) by N vectors of outputs, summed over blocks of 32 terms.
#pragma once
#include "../kernels/panels.h"
#include "session.h"

namespace pff {
namespace {

// Where the operands lie. rows: [block of 32 terms][2 tiles of 16 rows][16 pairs of terms]; terms: [pairs of terms][N vectors].
struct TileOperands {
  const float* rows;
  const float* terms;
  Index blocks;  // of 32 terms
};

// Adds the products of a block of 32 terms to the sums, which are in tiles 0 … N-1 for the first 16 rows, `a`, and 3 … 2 + N for the others.
template <int N, int HALVES>
inline void multiplyTiles(const float* a, const float* others, const float* b) {
  constexpr Index kStride = N * kTileRowBytes;
  _tile_loadd(6, a, kTileRowBytes);
  _tile_loadd(7, b, kStride);
  _tile_dpbf16ps(0, 6, 7);
  if constexpr (N > 1) {
    _tile_loadd(7, b + kTileRows, kStride);
    _tile_dpbf16ps(1, 6, 7);
  }
  if constexpr (N > 2) {
    _tile_loadd(7, b + 2 * kTileRows, kStride);
    _tile_dpbf16ps(2, 6, 7);
  }
  if constexpr (HALVES == 2) {
    // Backwards, so that the last of the others serves twice.
    _tile_loadd(6, others, kTileRowBytes);
    if constexpr (N > 2) {
      _tile_dpbf16ps(5, 6, 7);
      _tile_loadd(7, b + kTileRows, kStride);
    }
    if constexpr (N > 1) {
      _tile_dpbf16ps(4, 6, 7);
      _tile_loadd(7, b, kStride);
    }
    _tile_dpbf16ps(3, 6, 7);
  }
}

// Adds block k.
template <int N, int HALVES>
inline void multiplyBlock(const TileOperands& from, Index k) {
  const float* a = from.rows + k * 2 * kTileWords;
  multiplyTiles<N, HALVES>(a, a + kTileWords, from.terms + k * N * kTileWords);
}

// Every sum starts at start[its output]. [N vectors]
template <int N, int HALVES>
inline void startTiles(const float* start) {
  _tile_loadd(0, start, 0);
  if constexpr (N > 1) _tile_loadd(1, start + kTileRows, 0);
  if constexpr (N > 2) _tile_loadd(2, start + 2 * kTileRows, 0);
  if constexpr (HALVES == 2) {
    _tile_loadd(3, start, 0);
    if constexpr (N > 1) _tile_loadd(4, start + kTileRows, 0);
    if constexpr (N > 2) _tile_loadd(5, start + 2 * kTileRows, 0);
  }
}

// What storeTiles wrote.
template <int N, int HALVES>
inline void loadTiles(const float* from) {
  constexpr Index kStride = N * kTileRowBytes;
  _tile_loadd(0, from, kStride);
  if constexpr (N > 1) _tile_loadd(1, from + kTileRows, kStride);
  if constexpr (N > 2) _tile_loadd(2, from + 2 * kTileRows, kStride);
  if constexpr (HALVES == 2) {
    const float* second = from + N * kTileWords;
    _tile_loadd(3, second, kStride);
    if constexpr (N > 1) _tile_loadd(4, second + kTileRows, kStride);
    if constexpr (N > 2) _tile_loadd(5, second + 2 * kTileRows, kStride);
  }
}

template <int N, int HALVES>
inline void zeroTiles() {
  _tile_zero(0);
  if constexpr (N > 1) _tile_zero(1);
  if constexpr (N > 2) _tile_zero(2);
  if constexpr (HALVES == 2) {
    _tile_zero(3);
    if constexpr (N > 1) _tile_zero(4);
    if constexpr (N > 2) _tile_zero(5);
  }
}

// to: [HALVES · 16][N vectors]
template <int N, int HALVES>
inline void storeTiles(float* to) {
  constexpr Index kStride = N * kTileRowBytes;
  _tile_stored(0, to, kStride);
  if constexpr (N > 1) _tile_stored(1, to + kTileRows, kStride);
  if constexpr (N > 2) _tile_stored(2, to + 2 * kTileRows, kStride);
  if constexpr (HALVES == 2) {
    float* second = to + N * kTileWords;
    _tile_stored(3, second, kStride);
    if constexpr (N > 1) _tile_stored(4, second + kTileRows, kStride);
    if constexpr (N > 2) _tile_stored(5, second + 2 * kTileRows, kStride);
  }
}

}  // namespace
}  // namespace pff
