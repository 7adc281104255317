// Where the panels of a layer lie, for the vectors of one instruction set.
#pragma once
#include "../constants.h"
#include "../item-order.h"
#include "../kernel-table.h"

namespace pff {
namespace {

constexpr Index kPanel = kPanelVecs * kLanes;  // outputs of a full panel

#if defined(PFF_KEEP_LOOPS)
#define PFF_UNROLL
#elif defined(__clang__)
#define PFF_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PFF_UNROLL _Pragma("GCC unroll 8")
#endif

// One term of all sums, and then the next one. An engine of WebAssembly moves the loads of a block before its arithmetic, so that a block with
// many terms spills them all.
#if defined(__wasm__)
#define PFF_UNROLL_TERMS PFF_ONE_BY_ONE
#define PFF_ONE_BY_ONE _Pragma("clang loop unroll(disable)")
#else
#define PFF_UNROLL_TERMS PFF_UNROLL
#define PFF_ONE_BY_ONE
#endif

#define PFF_NOINLINE __attribute__((noinline))
// Sums that are handed to a function by reference stay in registers only if it is part of its caller.
#define PFF_ALWAYS_INLINE __attribute__((always_inline))
#define PFF_INLINE inline PFF_ALWAYS_INLINE

// x · w + acc for values of bf16.
#if defined(PFF_SOFTWARE_FMA)
inline Vec addBf16Product(Vec x, Vec w, Vec acc) { return addExactProduct(x, w, acc); }
#else
inline Vec addBf16Product(Vec x, Vec w, Vec acc) { return fma(x, w, acc); }
#endif

// The first output of a panel and how many outputs it holds.
inline Index panelStart(Index panel) { return panel * kPanel; }
inline Index panelOutputs(Index panel, Index outputs) {
  const Index left = outputs - panelStart(panel);
  return left < kPanel ? left : kPanel;
}
// Calls f.run<vectors across the panel>().
template <class F>
inline void withPanelVecs(Index outputsOfPanel, F& f) {
  static_assert(kPanelVecs == 2 || kPanelVecs == 3, "one case for each width");
  if (kPanelVecs == 3 && outputsOfPanel > 2 * kLanes) {
    f.template run<kPanelVecs>();
  } else if (outputsOfPanel > kLanes) {
    f.template run<2>();
  } else {
    f.template run<1>();
  }
}

// n vectors, of which `valid` values exist: loads and stores at the end of a row.
template <int N>
inline void loadRow(Vec (&to)[N], const float* from, Index valid) {
  if (valid >= N * kLanes) {
    PFF_UNROLL
    for (int n = 0; n < N; n++) to[n] = load(from + n * kLanes);
  } else {
    PFF_UNROLL
    for (int n = 0; n < N - 1; n++) to[n] = load(from + n * kLanes);
    to[N - 1] = loadFirst(from + (N - 1) * kLanes, valid - (N - 1) * kLanes);
  }
}
template <int N>
inline void storeRow(float* to, const Vec (&from)[N], Index valid) {
  if (valid >= N * kLanes) {
    PFF_UNROLL
    for (int n = 0; n < N; n++) store(to + n * kLanes, from[n]);
  } else {
    PFF_UNROLL
    for (int n = 0; n < N - 1; n++) store(to + n * kLanes, from[n]);
    storeFirst(to + (N - 1) * kLanes, from[N - 1], valid - (N - 1) * kLanes);
  }
}

inline void prefetchNear(const void* p) { __builtin_prefetch(p, 0, 3); }  // into the first-level cache
inline void prefetchFar(const void* p) { __builtin_prefetch(p, 0, 2); }   // into the second-level cache

constexpr Index kLineFloats = 16;  // a cache line

}  // namespace
}  // namespace pff
