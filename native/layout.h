// How weights, batches and the operands of the products lie in memory, and into what sizes they are cut.
//
// Shapes as in src/kernels/kernels.ts: R rows = V variants · B samples; I = P prefix + C suffix inputs; O outputs.
// Weights and moments lie in panels of 3 · lanes outputs: panel j holds [I][width] from float j · 3 · lanes · I, where
// width is 3 · lanes or, in the last panel, what is left of O, rounded up to whole vectors. The padding is zero.
// A batch lies in tiles of 8 samples by 8 prefix inputs: [ceil(B / 8)][ceil(P / 8)][8][8]; padding is zero.
//
// In bf16 and bf16-tile the products read rounded operands. Most instruction sets hold these as f32, in the same layouts. Those that
// multiply pairs hold two in a word, the first in the upper half: panels of weights [ceil(P / 2)][width] words, tiles of
// [8 samples][4 pairs of inputs] for the forward pass, and others of [4 pairs of samples][8 inputs] for the gradient.
#pragma once
#include <cstddef>
#include <cstdint>

namespace pff {

using Index = std::ptrdiff_t;

constexpr Index kBlock = 8;       // samples, and inputs, in a tile of a batch
#if defined(__wasm__)
constexpr Index kPanelVecs = 2;   // vectors across a panel: 4 x 2 sums and 6 operands of the 15 registers that V8 has
#else
constexpr Index kPanelVecs = 3;   // vectors across a panel
#endif
constexpr Index kSumLanes = 16;   // lanes of a sum of squares
constexpr Index kTileTerms = 32;  // terms of a block in the tile order

// Of the operands of the big products, and the order of their sums: Precision of src/kernels/kernels.ts.
enum class Precision { kF32, kBf16, kBf16Tile };

static inline Index blocksOf(Index n, Index size) { return (n + size - 1) / size; }
static inline Index roundUp(Index n, Index size) { return blocksOf(n, size) * size; }
constexpr Index kTile = kBlock * kBlock;

// How a batch and the operands of the products are cut.
struct Form {
  Index samples;  // in a block of a batch
  Index inputs;   // in a block
  Index pair;     // values in a word
  Index terms;    // inputs that the operand of the weights is filled up to a multiple of

  Index batchWords(Index rows, Index prefix) const {
    return roundUp(rows, samples) * roundUp(prefix, inputs) / pair;
  }
  Index operandRows(Index prefix) const { return roundUp(prefix, terms) / pair; }
};
constexpr Form kSingleForm{kBlock, kBlock, 1, 1};
constexpr Form kPairForm{kBlock, kBlock, 2, 2};
constexpr Form kTileForm{32, 32, 2, 32};  // of AMX, see tile/

// Words from one block of samples to the next; `pair`: values in a word.
static inline Index tilesStride(Index prefix, Index pair) { return blocksOf(prefix, kBlock) * (kTile / pair); }

static inline Index panelsOf(Index outputs, Index lanes) { return blocksOf(outputs, kPanelVecs * lanes); }

}  // namespace pff
