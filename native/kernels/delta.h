// Rule 4: a row of the loss's derivative by the pre-activations, for N vectors of outputs.
#pragma once
#include "panels.h"

namespace pff {
namespace {

template <int N>
inline void loadDelta(Vec (&d)[N], const Delta& delta, Index outputs, Index r, Index start, Index valid) {
  if (delta.rowScale) {
    const float given = delta.rowScale[r];
    const Vec scale = all(__builtin_fabsf(given) < 0x1p-126f ? 0.0f : given);
    loadRow<N>(d, delta.y + r * outputs + start, valid);
    PFF_UNROLL
    for (int n = 0; n < N; n++) d[n] = mul(scale, d[n]);
  } else {
    loadRow<N>(d, delta.values + r * delta.stride + start, valid);
    if (delta.relu) {
      Vec y[N];
      loadRow<N>(y, delta.y + r * outputs + start, valid);
      PFF_UNROLL
      for (int n = 0; n < N; n++) d[n] = gate(d[n], y[n]);
    }
  }
  PFF_UNROLL
  for (int n = 0; n < N; n++) d[n] = dropSmallDelta(d[n]);
}

}  // namespace
}  // namespace pff
