// Rule 5: one Adam step of N vectors of weights with their moments, given the gradient.
#pragma once
#include "panels.h"

namespace pff {
namespace {

struct AdamVecs {
  Vec beta1, beta2, fresh1, fresh2, minusStep, epsilonSquared, keep, minusHalf, first, second;
  bool decay;

  explicit AdamVecs(const Adam& rule, bool withDecay)
      : beta1(all(rule.beta1)), beta2(all(rule.beta2)), fresh1(all(rule.fresh1)), fresh2(all(rule.fresh2)),
        minusStep(all(-rule.stepSize)), epsilonSquared(all(rule.epsilonSquared)), keep(all(rule.keep)),
        minusHalf(all(-0.5f)), first(all(kRsqrtFirst)), second(all(kRsqrtSecond)),
        decay(withDecay && rule.keep != 1.0f) {}
};

template <int N>
inline void adamRow(const AdamVecs& a, const Vec (&g)[N], float* w, float* m, float* v) {
  PFF_UNROLL
  for (int n = 0; n < N; n++) {
    const Index at = n * kLanes;
    const Vec moment1 = fma(a.fresh1, g[n], decayMoment(a.beta1, load(m + at)));
    const Vec moment2 = fma(mul(a.fresh2, g[n]), g[n], decayMoment(a.beta2, load(v + at)));
    store(m + at, moment1);
    store(v + at, moment2);
    const Vec x = add(moment2, a.epsilonSquared);
    const Vec h = mul(a.minusHalf, x);
    Vec y = rsqrtGuess(x);
    y = mul(y, fma(mul(h, y), y, a.first));
    y = mul(y, fma(mul(h, y), y, a.second));
    const Vec kept = a.decay ? mul(a.keep, load(w + at)) : load(w + at);
    store(w + at, fma(mul(a.minusStep, moment1), y, kept));
  }
}

}  // namespace
}  // namespace pff
