// Jobs by row around a layer: images made ready, averages for heads, products for losses over pairs, dropout.
#pragma once
#include "../layout.h"

namespace pff {

struct StageJob {
  const uint8_t* bytes;  // [n, width]
  Index width;
  Index skip;
  const uint32_t* rows;  // [B]
  const float* scale;    // [n]
  float* out;            // [B, width - skip]
};

// Images with their channels first, as rows with their channels last.
struct TurnRowsJob {
  const float* values;   // [any, channels, positions]
  const uint32_t* rows;  // [R], or null for rows 0, 1, …
  Index channels, positions;
  float* out;            // [R, positions, channels]
};

// Averages over windows of `side` x `side`, those at the end smaller; from `values`, or to `spread`.
struct AverageJob {
  const float* values;   // [any, height, width, channels]
  const uint32_t* rows;  // of `values`: [R], or null for rows 0, 1, …
  Index channels, height, width, side;
  float* averages;       // [R, windows, channels]
  float* spread;         // [R, height, width, channels]

  Index valuesOfRow() const { return height * width * channels; }
  Index averagesOfRow() const { return blocksOf(height, side) * blocksOf(width, side) * channels; }
};

// Rule 13: left [rows, terms] times right [terms, columns].
struct DoublesJob {
  const double* left;
  const double* right;
  Index rows, terms, columns;
  bool lower;  // only columns up to the row's own number are wanted
  double* out;
};
constexpr int kDoubleRows = 4;  // in an item of it

struct DropoutJob {
  const float* values;     // [any, width]
  const uint32_t* rows;    // [R], or null for rows 0, 1, …
  Index width;
  const uint32_t* name;    // [5]: Philox key, and words 1 … 3 of its counter
  uint32_t threshold;      // half-words below it drop their value
  float scale;
  float* out;              // [R, width]; may be values where rows is null
  Index channels;          // values of a row that are decided on, again for each position; the width where there are no planes
};

}  // namespace pff
