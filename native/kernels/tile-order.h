// Sums of products in the tile order of bf16-tile (kernels.ts): for each block of 32 terms a chain over the even ones and one
// over the odd ones, which are added to each other and then to the sum. What AMX does with tiles, by multiply-adds.
#pragma once
#include "panels.h"

namespace pff {
namespace {

// [kRowsAtOnce][N vectors]
template <int N>
PFF_INLINE void storeSums(const Vec (&acc)[kRowsAtOnce][N], float* to) {
  PFF_UNROLL
  for (int i = 0; i < kRowsAtOnce; i++) {
    PFF_UNROLL
    for (int n = 0; n < N; n++) store(to + (i * N + n) * kLanes, acc[i][n]);
  }
}
template <int N>
PFF_INLINE void loadSums(Vec (&acc)[kRowsAtOnce][N], const float* from) {
  PFF_UNROLL
  for (int i = 0; i < kRowsAtOnce; i++) {
    PFF_UNROLL
    for (int n = 0; n < N; n++) acc[i][n] = load(from + (i * N + n) * kLanes);
  }
}

// One term of each sum.
template <int N, Index ROW>
PFF_INLINE void addTerm(Vec (&acc)[kRowsAtOnce][N], const float* x, const float* w) {
  Vec weights[N];
  PFF_UNROLL
  for (int n = 0; n < N; n++) weights[n] = load(w + n * kLanes);
  PFF_UNROLL
  for (int i = 0; i < kRowsAtOnce; i++) {
    const Vec input = all(x[i * ROW]);
    PFF_UNROLL
    for (int n = 0; n < N; n++) acc[i][n] = addBf16Product(input, weights[n], acc[i][n]);
  }
}

// The chain over every other one of `count` terms.
template <int N, Index ROW, Index TERM>
PFF_INLINE void everyOther(Vec (&acc)[kRowsAtOnce][N], const float* x, Index xTile, const float* w, Index wTerm, Index count) {
  PFF_UNROLL
  for (int i = 0; i < kRowsAtOnce; i++) {
    PFF_UNROLL
    for (int n = 0; n < N; n++) acc[i][n] = zero();
  }
  Index k = 0;
  for (; k + kBlock <= count + 1; k += kBlock, x += xTile, w += kBlock * wTerm) {
    PFF_UNROLL_TERMS
    for (int j = 0; j < kBlock; j += 2) addTerm<N, ROW>(acc, x + j * TERM, w + j * wTerm);
  }
  for (Index j = 0; k + j < count; j += 2) addTerm<N, ROW>(acc, x + j * TERM, w + j * wTerm);
}

// Adds one block of at most 32 (and at most `left`) terms to sums [kRowsAtOnce][N vectors]. Term k of row i multiplies
// x[k / 8 · xTile + k % 8 · TERM + i · ROW] by the N vectors at w + k · wTerm.
template <int N, Index ROW, Index TERM>
PFF_NOINLINE void addTileBlock(const float* x, Index xTile, const float* w, Index wTerm, Index left, float* sums) {
  const Index count = left < kTileTerms ? left : kTileTerms;
  alignas(64) float even[kRowsAtOnce * N * kLanes];
  Vec acc[kRowsAtOnce][N];
  everyOther<N, ROW, TERM>(acc, x, xTile, w, wTerm, count);
  storeSums<N>(acc, even);
  everyOther<N, ROW, TERM>(acc, x + TERM, xTile, w + wTerm, wTerm, count - 1);
  PFF_UNROLL
  for (int i = 0; i < kRowsAtOnce; i++) {
    PFF_UNROLL
    for (int n = 0; n < N; n++) {
      const Index at = (i * N + n) * kLanes;
      store(sums + at, add(load(sums + at), add(load(even + at), acc[i][n])));
    }
  }
}

}  // namespace
}  // namespace pff
