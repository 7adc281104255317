// How the operands of the big products lie: one value in a word, or a pair of bf16 values that are multiplied at once.
#pragma once
#include "../bf16.h"
#include "panels.h"

namespace pff {
namespace {

// f32, and bf16 values held as f32; TILE: summed in the tile order, see tile-order.h.
template <bool BF16, bool TILE = false>
struct SingleProduct {
  static constexpr bool kRounds = BF16;
  static constexpr bool kTileOrder = TILE;
  static constexpr Form kForm = kSingleForm;
  static constexpr Index kPair = 1;
  static inline Vec multiplyAdd(Vec x, Vec w, Vec acc) { return BF16 ? addBf16Product(x, w, acc) : fma(x, w, acc); }
  // The operand's row for rows `first` and, where there are pairs, `second`.
  static inline Vec operand(Vec first, Vec) { return BF16 ? roundToBf16(first) : first; }
  // Values that lie one after another, `count` of them, a multiple of two vectors, as operands.
  static inline void operands(float* to, const float* from, Index count) {
    for (Index i = 0; i < count; i += kLanes) store(to + i, operand(load(from + i), zero()));
  }
};

#if defined(PFF_BF16_PAIRS)
struct PairProduct {
  static constexpr bool kRounds = true;
  static constexpr bool kTileOrder = false;
  static constexpr Form kForm = kPairForm;
  static constexpr Index kPair = 2;
  static inline Vec multiplyAdd(Vec x, Vec w, Vec acc) { return addPairProducts(x, w, acc); }
  static inline Vec operand(Vec first, Vec second) { return roundToPairs(first, second); }
  static inline void operands(float* to, const float* from, Index count) {
    for (Index i = 0; i < count; i += 2 * kLanes) store(to + i / 2, roundNeighbours(load(from + i), load(from + i + kLanes)));
  }
};
using Bf16Product = PairProduct;
#else
using Bf16Product = SingleProduct<true>;
#endif
using F32Product = SingleProduct<false>;
using TileProduct = SingleProduct<true, true>;

inline Form form(Precision precision) { return precision == Precision::kBf16 ? Bf16Product::kForm : kSingleForm; }

// Calls f.run<Product>() with the one for `precision`.
template <class F>
inline void withProduct(Precision precision, F& f) {
  if (precision == Precision::kF32) {
    f.template run<F32Product>();
  } else if (precision == Precision::kBf16) {
    f.template run<Bf16Product>();
  } else {
    f.template run<TileProduct>();
  }
}

// Writes the rows of an operand ([rows / kPair][N vectors]) for `rows` rows of f32 values that lie one after another.
template <class Product, int N>
inline void storeOperand(float* to, const float* from, Index rows, bool streams = false) {
  constexpr Index kWidth = N * kLanes;
  for (Index i = 0; i < rows; i += Product::kPair, from += Product::kPair * kWidth, to += kWidth) {
    const bool second = Product::kPair == 2 && i + 1 < rows;
    PFF_UNROLL
    for (int n = 0; n < N; n++) {
      const Index at = n * kLanes;
      const Vec made = Product::operand(load(from + at), second ? load(from + kWidth + at) : zero());
      if (streams) {
        stream(to + at, made);
      } else {
        store(to + at, made);
      }
    }
  }
}

// Some panels of a layer's operand.
struct RoundPanels {
  const Layer& layer;
  Index prefix;
  Index first;
  Index last;

  template <class Product>
  struct Panel {
    const RoundPanels& of;
    Index start;

    template <int N>
    void run() const {
      const Layer& layer = of.layer;
      storeOperand<Product, N>(layer.operand + start * layer.operandRows, layer.w + start * layer.inputs, of.prefix);
    }
  };

  template <class Product>
  void run() const {
    for (Index panel = first; panel < last; panel++) {
      Panel<Product> one{*this, panelStart(panel)};
      withPanelVecs(panelOutputs(panel, layer.outputs), one);
    }
  }
};

void roundWeights(const Layer& layer, Index prefix, Index first, Index last) {
  RoundPanels panels{layer, prefix, first, last};
  withProduct(layer.precision, panels);
}

}  // namespace
}  // namespace pff
