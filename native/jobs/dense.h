// Jobs of a dense layer, which convolutions use, too: a batch packed, the forward pass, the update, the input gradient.
#pragma once
#include "../layout.h"

namespace pff {

// The suffix values that are not 0: row r has entries start[r] … start[r + 1] - 1.
struct SuffixList {
  const uint32_t* start;  // [R + 1]; null when C = 0
  const uint32_t* input;
  const float* value;
};

struct Batch {
  const float* x;          // tiles for the forward pass
  const float* xGradient;  // and for the gradient; the same unless pairs are multiplied
  Index samples;   // B
  Index variants;  // V
  Index prefix;    // P
  SuffixList suffix;
  // Where rows are not packed but read where they lie: word k of the 8 values, or 4 pairs, t of row b is x[at[b] + taps[t] + k]. `at` is filled
  // up to a multiple of 8 rows; P is a multiple of 8, too. Not in the tile order, nor for the gradient of pairs.
  const uint32_t* at = nullptr;
  const uint32_t* taps = nullptr;
};

struct Layer {
  Index inputs;
  Index outputs;
  bool relu;
  Precision precision;
  float* w;  // panels; m and v likewise, null if never trained
  float* m;
  float* v;
  float* bias;  // [O], padded to whole vectors
  float* biasM;
  float* biasV;
  float* operand;      // what the forward pass multiplies by: w, or the copy of its prefix rows rounded to bf16
  Index operandRows;   // rows (of pairs) in a panel of it
  bool streams;        // the step writes it past the caches
};

struct PackJob {
  const float* prefix;   // [any, P]
  const uint32_t* rows;  // [samples], or null for rows first, first + 1, …
  Index first;
  Index samples;
  Index width;  // P
  Precision precision;
  float* x;          // null where only the gradient follows
  float* xGradient;  // wanted where pairs are multiplied and a gradient follows; else null
};

struct ForwardJob {
  Layer layer;
  Batch batch;
  Index shares;        // threads; each starts on its own panels
  float* y;            // row v · variantRows + b holds O values; null if not wanted
  Index variantRows;
  float* lanes;        // [V · samples][16] sums of squares so far (start at 0), or null
  Index stride;        // from one row of y to the next
};

struct Delta {
  const float* y;         // [R, O]
  const float* rowScale;  // [R], or null and
  const float* values;    // [R, O]
  bool relu;
  Index stride;           // from one row of values to the next
};

struct Adam {
  float beta1, beta2, fresh1, fresh2, stepSize, epsilonSquared, keep;
};

struct Sgd {
  float momentum, stepSize, keep;
};

struct Rule {
  enum Kind { kAdam, kSgd } kind;
  Adam adam;  // the one of the kind
  Sgd sgd;

  Rule(const Adam& adam) : kind(kAdam), adam(adam), sgd() {}
  Rule(const Sgd& sgd) : kind(kSgd), adam(), sgd(sgd) {}
};

// A batch that comes in parts: `delta` and `batch` are those of one. Its sums go on from those of the part before, which lie in panels
// of `rows` prefix inputs each; the step is taken with the last part.
struct Parts {
  float* sums = nullptr;         // null where the batch comes at once
  Index rows = 0;
  bool first = true;
  bool last = true;
  const float* others = nullptr;  // [1 + C][O, padded to whole vectors]: the gradient of bias and suffix weights
};

struct UpdateJob {
  Layer layer;
  Batch batch;
  Index shares;
  Delta delta;
  Rule rule;
  bool fixedBias;
  Parts parts{};
};

struct InputGradientJob {
  Layer layer;
  Delta delta;
  Index rows;         // R
  float* transposed;  // [ceil(R / panel)][O up to a multiple of the form's terms][panel], panel = 3 · lanes; or see tile/
  float* out;         // [R, I]
};

}  // namespace pff
