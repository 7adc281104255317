// How the operands of the big products lie: one value in a word, or a pair of bf16 values that are multiplied at once.
#pragma once
#include "../bf16.h"
#include "panels.h"

namespace pff {
namespace {

// f32, and bf16 values held as f32.
template <bool BF16>
struct SingleProduct {
  static constexpr bool kRounds = BF16;
  static constexpr Index kPair = 1;
  static inline Vec multiplyAdd(Vec x, Vec w, Vec acc) { return fma(x, w, acc); }
  // The operand's row for rows `first` and, where there are pairs, `second`.
  static inline void store(float* to, Vec first, Vec) { pff::store(to, BF16 ? roundToBf16(first) : first); }
};

#if defined(PFF_BF16_PAIRS)
struct PairProduct {
  static constexpr bool kRounds = true;
  static constexpr Index kPair = 2;
  static inline Vec multiplyAdd(Vec x, Vec w, Vec acc) { return addPairProducts(x, w, acc); }
  static inline void store(float* to, Vec first, Vec second) { pff::store(to, roundToPairs(first, second)); }
};
using Bf16Product = PairProduct;
#else
using Bf16Product = SingleProduct<true>;
#endif
using F32Product = SingleProduct<false>;

// Writes the rows of an operand ([rows / kPair][N vectors]) for `rows` rows of f32 values that lie one after another.
template <class Product, int N>
inline void storeOperand(float* to, const float* from, Index rows) {
  constexpr Index kWidth = N * kLanes;
  for (Index i = 0; i < rows; i += Product::kPair, from += Product::kPair * kWidth, to += kWidth) {
    const bool second = Product::kPair == 2 && i + 1 < rows;
    PFF_UNROLL
    for (int n = 0; n < N; n++) {
      const Index at = n * kLanes;
      Product::store(to + at, load(from + at), second ? load(from + kWidth + at) : zero());
    }
  }
}

// One panel of a layer's operand.
struct RoundPanel {
  const Layer& layer;
  Index prefix;
  Index start;

  template <int N>
  void run() const {
    storeOperand<Bf16Product, N>(layer.operand + start * layer.operandRows, layer.w + start * layer.inputs, prefix);
  }
};

void roundWeights(const Layer& layer, Index prefix, Index first, Index last) {
  for (Index panel = first; panel < last; panel++) {
    RoundPanel one{layer, prefix, panelStart(panel)};
    withPanelVecs(panelOutputs(panel, layer.outputs), one);
  }
}

}  // namespace
}  // namespace pff
