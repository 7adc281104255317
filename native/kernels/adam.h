// Rule 5: one Adam step of N vectors of weights with their moments, given the gradient.
#pragma once
#include "panels.h"

namespace pff {
namespace {

struct AdamVecs {
  Vec beta1, beta2, fresh1, fresh2, minusStep, minusHalfEpsilon, keep, minusHalf, first, second, least2;

  explicit AdamVecs(const Adam& rule)
      : beta1(all(rule.beta1)), beta2(all(rule.beta2)), fresh1(all(rule.fresh1)), fresh2(all(rule.fresh2)),
        minusStep(all(-rule.stepSize)), minusHalfEpsilon(all(-0.5f * rule.epsilonSquared)), keep(all(rule.keep)),
        minusHalf(all(-0.5f)), first(all(kRsqrtFirst)), second(all(kRsqrtSecond)),
        least2(all(kSmallestMoment2)) {}
};

// DECAY: whether weights are multiplied by `keep`; without it keep is 1.
template <int N, bool DECAY>
inline void adamRow(const AdamVecs& a, const float* gradient, float* w, float* m, float* v) {
  PFF_UNROLL
  for (int n = 0; n < N; n++) {
    const Index at = n * kLanes;
    const Vec g = load(gradient + at);
    const Vec moment1 = fma(a.fresh1, g, decay(a.beta1, load(m + at)));
    const Vec old2 = load(v + at);
    const Vec moment2 = larger(fma(a.fresh2, fmaMinus(g, g, old2), old2), a.least2);
    store(m + at, moment1);
    store(v + at, moment2);
    const Vec h = fma(a.minusHalf, moment2, a.minusHalfEpsilon);
    Vec y = rsqrtGuess(h);
    y = mul(y, fma(mul(h, y), y, a.first));
    y = mul(y, fma(mul(h, y), y, a.second));
    const Vec kept = DECAY ? mul(a.keep, load(w + at)) : load(w + at);
    store(w + at, fma(mul(a.minusStep, moment1), y, kept));
  }
}

}  // namespace
}  // namespace pff
