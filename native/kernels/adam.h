// Rule 5: one Adam step of N vectors of weights with their moments, given the gradient.
#pragma once
#include "panels.h"

namespace pff {
namespace {

struct AdamStep {
  static constexpr bool kUsesMoment2 = true;
  Vec beta1, beta2, fresh1, fresh2, minusStep, minusHalfEpsilon, keep, minusHalf, first, second, least2;

  explicit AdamStep(const Rule& rule) : AdamStep(rule.adam) {}
  explicit AdamStep(const Adam& rule)
      : beta1(all(rule.beta1)), beta2(all(rule.beta2)), fresh1(all(rule.fresh1)), fresh2(all(rule.fresh2)),
        minusStep(all(-rule.stepSize)), minusHalfEpsilon(all(-0.5f * rule.epsilonSquared)), keep(all(rule.keep)),
        minusHalf(all(-0.5f)), first(all(kRsqrtFirst)), second(all(kRsqrtSecond)),
        least2(all(kSmallestMoment2)) {}
  static bool decays(const Rule& rule) { return rule.adam.keep != 1.0f; }

  // DECAY: whether weights are multiplied by `keep`; without it keep is 1.
  template <int N, bool DECAY>
  inline void row(const float* gradient, float* w, float* m, float* v) const {
    PFF_UNROLL
    for (int n = 0; n < N; n++) {
      const Index at = n * kLanes;
      const Vec g = load(gradient + at);
      const Vec moment1 = fma(fresh1, g, decay(beta1, load(m + at)));
      const Vec old2 = load(v + at);
      const Vec moment2 = larger(fma(fresh2, fmaMinus(g, g, old2), old2), least2);
      store(m + at, moment1);
      store(v + at, moment2);
      const Vec h = fma(minusHalf, moment2, minusHalfEpsilon);
      Vec y = rsqrtGuess(h);
      y = mul(y, fma(mul(h, y), y, first));
      y = mul(y, fma(mul(h, y), y, second));
      const Vec kept = DECAY ? mul(keep, load(w + at)) : load(w + at);
      store(w + at, fma(mul(minusStep, moment1), y, kept));
    }
  }
};

}  // namespace
}  // namespace pff
