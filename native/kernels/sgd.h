// Rule 5 for SGD with momentum: one step of N vectors of weights with their momentum, given the gradient.
#pragma once
#include "panels.h"

namespace pff {
namespace {

struct SgdStep {
  static constexpr bool kUsesMoment2 = false;
  Vec momentum, minusStep, keep;

  explicit SgdStep(const Rule& rule)
      : momentum(all(rule.sgd.momentum)), minusStep(all(-rule.sgd.stepSize)), keep(all(rule.sgd.keep)) {}
  static bool decays(const Rule& rule) { return rule.sgd.keep != 1.0f; }

  // DECAY: whether weights are multiplied by `keep`; without it keep is 1.
  template <int N, bool DECAY>
  inline void row(const float* gradient, float* w, float* m, float*) const {
    PFF_UNROLL
    for (int n = 0; n < N; n++) {
      const Index at = n * kLanes;
      const Vec moment = add(load(gradient + at), decay(momentum, load(m + at)));
      store(m + at, moment);
      const Vec kept = DECAY ? mul(keep, load(w + at)) : load(w + at);
      store(w + at, fma(minusStep, moment, kept));
    }
  }
};

}  // namespace
}  // namespace pff
