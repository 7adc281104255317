// The most multiply-adds that this core can do: a loop that touches registers only. The yardstick of the bench.
#pragma once
#include "panels.h"

namespace pff {
namespace {

double peak(Index iterations, float* sink) {
  // Each sum starts from its own value, or the compiler might see that they are all the same.
  Vec acc[kRowsAtOnce][kPanelVecs];
  float start = *sink;
  for (auto& row : acc)
    for (Vec& v : row) v = all(start += 1.0f);
  const Vec factor = all(0.5f);
  const Vec term = all(*sink);
  for (Index k = 0; k < iterations; k++) {
    PFF_UNROLL
    for (int i = 0; i < kRowsAtOnce; i++) {
      PFF_UNROLL
      for (int n = 0; n < kPanelVecs; n++) acc[i][n] = fma(acc[i][n], factor, term);
    }
  }
  Vec sum = zero();
  for (auto& row : acc)
    for (Vec& v : row) sum = add(sum, v);
  float values[kLanes];
  store(values, sum);
  *sink = values[0];
  return static_cast<double>(iterations) * kRowsAtOnce * kPanelVecs * kLanes;
}

}  // namespace
}  // namespace pff
