// The most multiply-adds that this core can do: a loop that touches registers only. The yardstick of the bench.
#pragma once
#include "products.h"

namespace pff {
namespace {

template <class Product>
double peakOf(Index iterations, float* sink) {
  // Each sum starts from its own value, or the compiler might see that they are all the same.
  constexpr int kVecs = 3;  // sums enough to wait for none
  Vec acc[kRowsAtOnce][kVecs];
  float start = *sink;
  for (auto& row : acc)
    for (Vec& v : row) v = all(start += 1.0f);
  const Vec factor = all(0.5f);
  const Vec term = all(*sink);
  for (Index k = 0; k < iterations; k++) {
    PFF_UNROLL
    for (int i = 0; i < kRowsAtOnce; i++) {
      PFF_UNROLL
      for (int n = 0; n < kVecs; n++) acc[i][n] = Product::multiplyAdd(factor, term, acc[i][n]);
    }
  }
  Vec sum = zero();
  for (auto& row : acc)
    for (Vec& v : row) sum = add(sum, v);
  float values[kLanes];
  store(values, sum);
  *sink = values[0];
  return static_cast<double>(iterations) * kRowsAtOnce * kVecs * kLanes * Product::kPair;
}

double peak(Index iterations, float* sink) { return peakOf<F32Product>(iterations, sink); }

#if defined(PFF_BF16_PAIRS)
constexpr auto* pairPeak = peakOf<PairProduct>;
#else
constexpr double (*pairPeak)(Index, float*) = nullptr;
#endif

}  // namespace
}  // namespace pff
