// What the orchestration (dense.cc) hands to the kernels of one instruction set, and the table of those kernels.
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
// How much of a batch is gone over with every panel, so that it stays in the second-level cache (tuned with 2 MiB of it).
constexpr Index kForwardChunkFloats = Index{1} << 17;
constexpr Index kUpdateChunkFloats = Index{1} << 18;
// Weights, moments and operand, in bytes, that no cache keeps from a step to the next forward pass.
constexpr Index kWorthStreaming = Index{32} << 20;
constexpr Index kSumLanes = 16;   // lanes of a sum of squares
constexpr Index kTileTerms = 32;  // terms of a block in the tile order

// Of the operands of the big products, and the order of their sums: Precision of src/kernels/kernels.ts.
enum class Precision { kF32, kBf16, kBf16Tile };

constexpr int32_t kSmallestDeltaBits = (127 - 40) << 23;  // 2^-40
constexpr int32_t kMomentExponentBits = 0x70000000;       // none of them is set below 2^-95
constexpr float kSmallestMoment2 = 0x1p-95f;
constexpr uint32_t kRsqrtMagic = 0x9ef76880u;
constexpr float kRsqrtFirst = 1.50088f;
constexpr float kRsqrtSecond = 1.5000006f;
constexpr float kNormaliseEpsilon = 1e-12f;
constexpr float kVarianceEpsilon = 1e-5f;

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
  // Where rows are not packed but read where they lie: value 8 t + k of row b is x[at[b] + taps[t] + k]. `at` is filled up to a multiple
  // of 8 rows; P is a multiple of 8, too. Not with pairs, nor in the tile order.
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
  float* x;
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

// Planes with their channels last, and the pool after them; see src/kernels/block/contract.ts.
struct PlaneShape {
  enum Pool : uint32_t { kNone, kMax, kAverage };
  Index channels, height, width;
  Pool pool;
  Index size, stride;        // of the pool; 1 where there is none
  Index outHeight, outWidth;
  float leak;

  Index positions() const { return height * width; }
  Index values() const { return positions() * channels; }
  Index outValues() const { return outHeight * outWidth * channels; }
};

// mean is null where planes are not normalised; by row, mean and scale are [R, O]. By position, mean and inverse are [R, H · W] and scale
// is gamma; else inverse is null.
struct Norm {
  bool byRow;
  const float* mean;
  const float* scale;
  const float* shift;
  const float* inverse = nullptr;
};

struct PlaneSumsJob {
  const float* z;     // [R, H, W, O]
  PlaneShape shape;
  const float* mean;  // null for plain sums
  bool byRow;
  float* sums;        // [R, O]
};

struct FinishJob {
  const float* z;
  PlaneShape shape;
  Norm norm;
  float* y;       // [R, outHeight, outWidth, O]
  float* places;  // of maxima in their windows, as numbers; or null
};

struct BackwardsJob {
  const float* y;         // what left; null within a block
  const float* rowScale;  // [R], or null and
  const float* values;    // as y
  const float* z;
  PlaneShape shape;
  Norm norm;
  const float* places;
  float* out;    // as z
  float* sums1;  // [R, O]
  float* sums2;
};

struct NormBackwardsJob {
  const float* z;
  PlaneShape shape;
  Norm norm;
  const float* a;  // [O], or [R, O] by row
  const float* b;
  float* values;   // as z
  float* sums;     // [R, O]
};

// Rule 9 by position. `mean` is 0 unless the values are centred.
struct PositionSumsJob {
  const float* z;
  PlaneShape shape;
  bool centred;
  float* mean;     // [R, H · W]
  float* inverse;
};

// Rule 11 by position: du to dz in place.
struct PositionBackwardsJob {
  const float* z;
  PlaneShape shape;
  Norm norm;
  bool centred;
  float* values;   // as z
  float* sums;     // [R, O]
};

// A frame: planes of rows with a border of zeros, in blocks of 8 channels, so that windows can be read where they lie.
struct FrameJob {
  const float* x;   // [images, height, width, channels]
  Index channels, height, width;
  Index top, left;  // where the frame begins, in rows and pixels of an image: 0 or less
  Index rows;       // of each image that are wanted
  Index frameRows;  // that there is room for
  Index frameWidth;
  Precision precision;
  float* frame;     // [images][channels / 8][frameRows][frameWidth][8]; for tiles see tile/windows.h
};

// The gradient's operand out of a frame whose channels are apart.
struct PlaneWindows {
  const uint16_t* frame;
  Index plane;           // bf16 values from one channel to the next
  const uint32_t* at;    // where each position's window begins in its planes, in bf16 values
  const uint32_t* taps;  // of each block of 32 inputs
  Index samples;
  float* to;
};

// The weights of one group of a convolution the other way round: for each place in the window panels of channels that enter, [O][width].
struct TurnJob {
  Layer layer;
  Index places;
  Index channels;   // that enter the group
  float* turned;    // [places][O · channels, padded to whole vectors]
};

// Rule 8, input gradient. The rows of `batch` are positions, its prefix are the O channels that leave the group.
struct SpreadJob {
  TurnJob weights;
  Batch batch;
  const int32_t* pixels;  // [places][samples, up to a multiple of 8]: which pixel of `out` each position meets, or -1
  float* out;             // [pixels][stride], from the group's first channel on; values are added
  Index stride;
};

// The same for tiles, where windows are moved by one: all of `images` images, which lie together in the frame, each pixel of the one beside
// that of the next. Their width times `together` is a multiple of 16.
struct SpreadTilesJob {
  TurnJob weights;
  const float* delta;  // [images, outHeight, outWidth][deltaStride], from the group's first channel on
  Index deltaStride;
  Index images;
  Index together;      // images that the frame has room for
  Index height, width, outHeight, outWidth, kernel, padding;
  float* frame;
  float* out;          // [images, height, width][stride], from the group's first channel on
  Index stride;

  Index frameHeight() const { return height + kernel - 1; }
  Index frameWidth() const { return width + kernel - 1; }
};

// Work is counted in items, so that threads can share it; no item's result depends on another's of the same call.
struct KernelTable {
  const char* name;
  Index lanes;
  Form (*form)(Precision);
  // Blocks of samples.
  void (*pack)(const PackJob&, Index first, Index last);
  // Panels: fills the operand of a bf16 layer from its weights.
  void (*roundWeights)(const Layer&, Index prefix, Index first, Index last);
  // (share of the panels, chunk of samples, panel, block of samples), see forwardItems and Place.
  void (*forward)(const ForwardJob&, Index first, Index last);
  // Rows. sumRows: y [rows, outputs] to sums; foldLanes: [rows][16] to sums; normaliseRows: y in place.
  void (*sumRows)(const float* y, Index outputs, Index first, Index last, float* sums);
  void (*foldLanes)(const float* lanes, Index first, Index last, float* sums);
  void (*normaliseRows)(float* y, Index outputs, const float* sums, Index first, Index last);
  // (share of the panels, chunk of inputs, panel, block of inputs), see updateItems. Scratch: updateScratch floats for each thread.
  void (*update)(const UpdateJob&, Index first, Index last, float* scratch);
  // Panels of rows; then each with each block of inputs.
  void (*transposeDelta)(const InputGradientJob&, Index first, Index last);
  void (*inputGradient)(const InputGradientJob&, Index first, Index last);
  // (image, row of its frame).
  void (*frame)(const FrameJob&, Index first, Index last);
  // For tiles: the same with channels apart; operands of the forward pass (blocks of samples) and of the gradient (of inputs). Null where
  // no operand is copied out of frames.
  void (*framePlanes)(const FrameJob&, Index first, Index last);
  void (*packWindows)(const Batch& windows, float* to, Index first, Index last);
  void (*packPlanes)(const PlaneWindows&, Index first, Index last);
  // To bf16 values as f32.
  void (*roundValues)(const float* from, Index count, float* to);
  // Places in the window.
  void (*turnWeights)(const TurnJob&, Index first, Index last);
  // All of the job. For tiles, which are given other jobs, null elsewhere.
  void (*spread)(const SpreadJob&);
  void (*spreadTiles)(const SpreadTilesJob&);
  // Rows.
  void (*stage)(const StageJob&, Index first, Index last);
  void (*dropout)(const DropoutJob&, Index first, Index last);
  void (*planeSums)(const PlaneSumsJob&, Index first, Index last);
  void (*finishPlanes)(const FinishJob&, Index first, Index last);
  void (*backwardsPlanes)(const BackwardsJob&, Index first, Index last);
  void (*normBackwards)(const NormBackwardsJob&, Index first, Index last);
  void (*positionSums)(const PositionSumsJob&, Index first, Index last);
  void (*positionBackwards)(const PositionBackwardsJob&, Index first, Index last);
  void (*averagePlanes)(const AverageJob&, Index first, Index last);
  void (*spreadAverages)(const AverageJob&, Index first, Index last);
  void (*turnRows)(const TurnRowsJob&, Index first, Index last);
  // A loop of independent multiply-adds; returns how many.
  double (*peak)(Index iterations, float* sink);
  // The same of pairs of bf16 values, or null.
  double (*pairPeak)(Index iterations, float* sink);
};

static inline Index panelsOf(Index outputs, Index lanes) { return blocksOf(outputs, kPanelVecs * lanes); }
// How many blocks of samples (of inputs) make up a chunk: at least 32 of either.
static inline Index forwardChunk(Index prefix, const Form& form) {
  const Index blocks = kForwardChunkFloats * form.pair / (form.samples * (prefix + 1));
  const Index least = 4 * kBlock / form.samples;
  return blocks < least ? least : blocks;
}
static inline Index updateChunk(Index samples, const Form& form) {
  const Index blocks = kUpdateChunkFloats * form.pair / (form.inputs * (samples > 0 ? samples : 1));
  const Index least = 4 * kBlock / form.inputs;
  return blocks < least ? least : blocks;
}
// A layer without prefix inputs still has one (empty) block, so that its suffix weights and bias are looked after.
static inline Index inputBlocks(Index prefix, const Form& form) {
  return prefix == 0 ? 1 : blocksOf(prefix, form.inputs);
}
static inline Index forwardItems(const ForwardJob& job, const Form& form, Index lanes) {
  return blocksOf(job.batch.samples, form.samples) * panelsOf(job.layer.outputs, lanes);
}
static inline Index updateItems(const UpdateJob& job, const Form& form, Index lanes) {
  return inputBlocks(job.batch.prefix, form) * panelsOf(job.layer.outputs, lanes);
}

// Where an item stands in the order: share of the panels; chunk of blocks; panel; block. A panel is used while it is in the
// cache, the chunk of the batch stays there from panel to panel, and a thread keeps to its own weights from call to call.
struct Place {
  Index panel;
  Index chunk;       // first block of the chunk
  Index chunkBlocks;
  Index block;       // in the chunk
};
static inline Place placeOf(Index item, Index panels, Index blocks, Index blocksInChunk, Index shares) {
  Index share = 0;
  while (item >= blocks * (panels * (share + 1) / shares)) share++;
  const Index firstPanel = panels * share / shares;
  const Index panelsOfShare = panels * (share + 1) / shares - firstPanel;
  const Index inShare = item - blocks * firstPanel;
  const Index chunk = inShare / (blocksInChunk * panelsOfShare) * blocksInChunk;
  const Index chunkBlocks = blocks - chunk < blocksInChunk ? blocks - chunk : blocksInChunk;
  const Index inChunk = inShare - chunk * panelsOfShare;
  return {firstPanel + inChunk / chunkBlocks, chunk, chunkBlocks, inChunk % chunkBlocks};
}
static inline Index updateScratch(Index samples, const Form& form, Index suffix, Index lanes) {
  return (roundUp(samples, form.samples) + suffix + 1) * kPanelVecs * lanes;
}

}  // namespace pff
